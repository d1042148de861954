"""The usage report of a month: meshes, bytes, seconds and failures by kind, for each project."""

import datetime as dt
from dataclasses import dataclass, field

from trackflow.context import Context
from trackflow.store.meshes import usage
from trackflow.store.meshes.usage import UsageEntry

COMPLETED = "completed"
NO_PROJECT = "(none)"


@dataclass(frozen=True, slots=True)
class ProjectUsage:
    """What a project used in a month.

    Attributes:
        project: its name.
        meshes: that were made.
        size_bytes: of their files.
        seconds: of work, on failures too.
        failures: meshes that were given up, by kind.
    """

    project: str
    meshes: int
    size_bytes: int
    seconds: float
    failures: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class UsageReport:
    """The usage of a month, project by project, and `total` of all."""

    month: dt.date
    projects: list[ProjectUsage]
    total: ProjectUsage

    def to_markdown(self) -> str:
        """The report for people."""
        rows = [*self.projects, self.total]
        lines = [
            f"# Meshes in {self.month:%Y-%m}",
            "",
            "| project | meshes | bytes | seconds | failures |",
            "|---|---:|---:|---:|---|",
        ]
        for row in rows:
            failures = ", ".join(f"{kind}: {n:,}" for kind, n in sorted(row.failures.items()))
            name = row.project.replace("|", "\\|").replace("\n", " ")
            lines.append(
                f"| {name} | {row.meshes:,} | {row.size_bytes:,} | {row.seconds:,.1f} | "
                f"{failures or 'none'} |"
            )
        return "\n".join(lines) + "\n"


def usage_of(context: Context, month: dt.date) -> UsageReport:
    """The usage of the month of a day, UTC."""
    first = month.replace(day=1)
    with context.store.read() as connection:
        found = usage.read_month(connection, first)
    everything = [entry for entries in found.values() for entry in entries]
    projects = [_project(name or NO_PROJECT, entries) for name, entries in sorted(found.items())]
    return UsageReport(first, projects, _project("all", everything))


def _project(name: str, entries: list[UsageEntry]) -> ProjectUsage:
    made = [entry for entry in entries if entry.outcome == COMPLETED]
    failures: dict[str, int] = {}
    for entry in entries:
        if entry.outcome != COMPLETED:
            failures[entry.outcome] = failures.get(entry.outcome, 0) + entry.meshes
    return ProjectUsage(
        name,
        sum(entry.meshes for entry in made),
        sum(entry.size_bytes for entry in made),
        round(sum(entry.seconds for entry in entries), 3),
        failures,
    )
