"""What a check of a day is; `checks` lists those there are."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

import dagster as dg

from trackflow.context import Context
from trackflow.defs.verdicts import CheckVerdict

ERROR, WARN = dg.AssetCheckSeverity.ERROR, dg.AssetCheckSeverity.WARN


@dataclass(frozen=True, slots=True)
class DayCheck:
    """A check of one day of an asset.

    Attributes:
        name: of the check.
        asset: name of the asset, without a prefix.
        description: the statement that is true if it passes.
        judge: reads a day from the store and gives its verdict.
        severity: ERROR for a finding that can only be a mistake of trackflow's, WARN for one that a
            person should look at.
        blocking: whether a failed check fails the run and stops the assets below.
    """

    name: str
    asset: str
    description: str
    judge: Callable[[Context, dt.date], CheckVerdict]
    severity: dg.AssetCheckSeverity = ERROR
    blocking: bool = False
