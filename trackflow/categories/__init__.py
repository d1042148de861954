"""How each part of a track was travelled, and what each track was for: values in, values out."""
