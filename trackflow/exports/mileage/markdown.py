"""The month of a vehicle as Markdown."""

import re

from trackflow.exports.mileage.lengths import LengthUnit
from trackflow.exports.mileage.sections import sections_of, title_of
from trackflow.exports.tables.section import Section
from trackflow.mileage.report import MonthReport

_SPECIAL = re.compile(r"([\\`*_\[\]<>|#~])")


def report_markdown(report: MonthReport, unit: LengthUnit) -> bytes:
    """The whole report."""
    parts = [f"# {escaped(title_of(report))}", *(table(one) for one in sections_of(report, unit))]
    return ("\n\n".join(parts) + "\n").encode()


def table(section: Section) -> str:
    """A section with its heading; one without rows says so."""
    if not section.rows:
        return f"## {section.title}\n\nNone."
    rule = ["---:" if name in section.numbers else "---" for name in section.columns]
    rows = [section.columns, rule, *section.rows]
    # the rule is no text of anyone
    lines = [
        f"| {' | '.join(row if k == 1 else map(escaped, row))} |" for k, row in enumerate(rows)
    ]
    return "\n".join([f"## {section.title}", "", *lines])


def escaped(text: str) -> str:
    """Text that means itself, in one line."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))
