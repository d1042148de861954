"""Directions in letters and words, such as NW and South-West, to degrees."""

import math
import re

_LONGEST = 40
_COMPASS = [
    "N", "NNE", "NE", "ENE", "E", "ESE", "SE", "SSE", "S", "SSW", "SW", "WSW", "W", "WNW", "NW",
    "NNW",
]  # fmt: skip
_WINDS = (
    "n e s w", "north east south west", "nord ost sud west", "nord est sud ouest",
    "nord est sud ovest", "norte este sur oeste", "nor este sur oeste", "noord oost zuid west",
)  # fmt: skip
_WORDS = [dict(zip("NESW", words.split(), strict=True)) for words in _WINDS]
_COURSES = {
    "".join(word_of[letter] for letter in point): at * 22.5
    for word_of in _WORDS
    for at, point in enumerate(_COMPASS)
}
"""Directions in words. German and French use O for opposite sides, so that letter is none."""


def course_deg(text: str) -> float:
    """Degrees clockwise from north of a direction in words; NaN if it is none."""
    if len(text) > _LONGEST:
        return math.nan
    return _COURSES.get(re.sub(r"[\W_]+", "", text.lower()).replace("\xfc", "u"), math.nan)
