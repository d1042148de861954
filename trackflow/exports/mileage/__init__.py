"""Reports of vehicles' months as files."""
