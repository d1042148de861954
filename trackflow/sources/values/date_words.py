"""Words and marks of dates in many languages: months, halves of a day, and what says nothing."""

import re
import unicodedata

_MONTH_NAMES = """
    jan ocak ianuarie
     stycznia styczen sty ledna leden januara януари января январь янв january januar
     januari janvier janv enero ene gennaio gen janeiro tammikuu tammikuuta
    |feb subat februarie
     lutego luty lut unora unor februara февраля февраль фев february februar februari
     fevrier fevr febrero febbraio fevereiro fev helmikuu helmikuuta
    |mar mart mrt martie marcius
     marca marzec brezna brezen марта март мар march marz mrz maart mars marzo marco
     maaliskuu maaliskuuta
    |apr nisan aprilie aprilis
     kwietnia kwiecien kwi dubna duben aprila апреля апрель апр april avril avr abril
     abr aprile huhtikuu huhtikuuta
    |may mayis majus
     maja kvetna kveten мая маи mai mei mayo maggio mag maio maj toukokuu toukokuuta
    |jun haziran iunie junius
     czerwca czerwiec cze cervna cerven juna июня июнь июн june juni juin junio giugno
     giu junho kesakuu kesakuuta
    |jul temmuz iulie julius
     lipca lipiec lip cervence cervenec jula июля июль июл july juli juillet juil julio
     luglio lug julho heinakuu heinakuuta
    |aug agustos augusztus
     sierpnia sierpien sie srpna srpen augusta августа август авг august augustus
     augusti aout agosto ago elokuu elokuuta
    |sep eylul septembrie szeptember
     wrzesnia wrzesien wrz zari septembra сентября сентябрь сен sept september septembre
     septiembre settembre set setembro syyskuu syyskuuta
    |oct ekim octombrie
     pazdziernika pazdziernik paz rijna rijen oktobra октября октябрь окт october okt
     oktober octobre octubre ottobre ott outubro out lokakuu lokakuuta
    |nov kasim noiembrie
     listopada listopadu listopad lis novembra ноября ноябрь ноя november novembre
     noviembre novembro marraskuu marraskuuta
    |dec aralik decembrie
     grudnia grudzien gru prosince prosinec decembra декабря декабрь дек december dez
     dezember decembre diciembre dic dicembre dezembro des desember joulukuu joulukuuta"""
MONTHS = {
    name: month
    for month, names in enumerate(_MONTH_NAMES.split("|"), start=1)
    for name in names.split()
}
"""Months by their names, without accents."""

_ZONE_NAME = re.compile(
    r"\s*\([A-Za-z][^()]*\)$|(?<=[+-]\d{4})\s(?:[A-Z]{3,5}|[+-]\d{2,4})(?:\sm=\S+)?$"
)
"""The zone once more in words, as browsers and Go write it behind its offset."""

_RUSSIAN_YEAR = re.compile("(?<=\\d{4})\\s?\u0433\\.?(?=[,\\s])")
"""The word year behind its number."""

_NUMERIC_DATE = re.compile(r"[^\W\d_]{2,14}\.?,?\s+(?=\d{1,4}[-/.]\d{1,2}[-/.]\d)")
"""A day of the week before a date in numbers."""

_BRACKET_ZONE = re.compile(r"(?<=[Z\d])\[[A-Za-z_/+-]+\]$")


def spelled_plainly(text: str) -> str:
    """A time in plain letters and marks, without words that say nothing more."""
    text = with_half_behind(text)
    if "\u5e74" in text:
        text = _of_east_asia(text)
    if "." in text:
        text = _DOTTED.sub(r"\1.\2.\3", text, count=1)
    text = _ZONE_NAME.sub("", _BRACKET_ZONE.sub("", _unaccented(text)))
    return _RUSSIAN_YEAR.sub("", without_weekday(text))


def without_weekday(text: str) -> str:
    """The text without a day of the week before a date in numbers."""
    return text if text[:1].isdigit() else _NUMERIC_DATE.sub("", text, count=1)


def with_half_behind(text: str) -> str:
    """A time whose half of the day stands before it, or in other letters, with AM or PM behind.

    A day of the week behind the date in signs of East Asia goes.
    """
    if text.isascii():
        return text
    text = _DAY_OF_WEEK.sub(" ", text, count=1)
    text = _HALF_BEFORE.sub(lambda f: f"{f[2]} {_half(f[1])}", text, count=1)
    return _HALF_BEHIND.sub(lambda f: f" {_half(f[1])}", text, count=1)


def _half(word: str) -> str:
    return "AM" if word in _MORNINGS else "PM"


_MORNINGS = {
    "\u4e0a\u5348", "\u5348\u524d", "\uc624\uc804", "\u03c0\u03bc", "\u03c0.\u03bc.", "\xd6\xd6",
    "\xf6\xf6", "\u0635",
}  # fmt: skip
"""Before noon in Chinese, Japanese, Korean, Greek, Turkish and Arabic."""

_DAY_OF_WEEK = re.compile(
    "\\s*(?:\\((?:[\u6708\u706b\u6c34\u6728\u91d1\u571f\u65e5]|"
    "[\uc6d4\ud654\uc218\ubaa9\uae08\ud1a0\uc77c])\\)|"
    "(?:\u661f\u671f|\u5468|\u9031)[\u4e00\u4e8c\u4e09\u56db\u4e94\u516d\u65e5\u5929])\\s*"
)
_HALF_BEFORE = re.compile(
    "(\u4e0a\u5348|\u4e0b\u5348|\u5348\u524d|\u5348\u5f8c|\uc624\uc804|\uc624\ud6c4)\\s*"
    r"(\d{1,2}[:\u65f6\u6642\uc2dc]\s?\d{2}(?::\d{2}(?:[.,]\d+)?)?)"
)
_HALF_BEHIND = re.compile(
    "(?<=\\d)\\s*(\u03c0\u03bc|\u03bc\u03bc|\u03c0\\.\u03bc\\.|\u03bc\\.\u03bc\\.|"
    "\xd6\xd6|\xd6S|\xf6\xf6|\xf6s|\u0635|\u0645)$"
)
_DOTTED = re.compile(r"(?<!\d)(\d{1,4})\.\s?(\d{1,2})\.\s?(\d{1,4})\.?(?=[\s,T]|$)")
"""Dates with blanks behind their points, or a last point: 13. 5. 2024, 2024. 05. 13."""


def _of_east_asia(text: str) -> str:
    """The text with marks for the signs of year, month, day, hour, minute and second."""
    text = re.sub("\u5e74\\s*|\u6708\\s*", "-", text)
    text = re.sub("\u65e5\\s*", " ", text)
    return re.sub("[\u65f6\u6642\u5206\u70b9]\\s*(?=\\d)", ":", text).rstrip(" \u79d2\u5206")


def _unaccented(text: str) -> str:
    """The text with plain letters: names of months have accents, and blanks may be narrow ones."""
    if text.isascii():
        return text
    marked = unicodedata.normalize("NFKD", text.replace("\u0131", "i"))
    return "".join(c for c in marked if not unicodedata.combining(c))
