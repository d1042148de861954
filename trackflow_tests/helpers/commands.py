"""The `trackflow` command called in this process: starting Python each time would take longer."""

import sys
from collections.abc import Callable
from typing import NamedTuple

import pytest

from trackflow.cli import main


class Result(NamedTuple):
    """How it ended and what it printed."""

    code: int
    out: str
    err: str

    @property
    def everything(self) -> str:
        return self.out + self.err


type Run = Callable[..., Result]


def caller(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], *prefix: str) -> Run:
    """A function that calls `trackflow`, with `prefix` before its arguments."""
    monkeypatch.setenv("TRACKFLOW_ENGINE_URL", "none")
    monkeypatch.setenv("TRACKFLOW_WORKERS", "1")

    def call(*arguments: object) -> Result:
        monkeypatch.setattr(sys, "argv", ["trackflow", *prefix, *map(str, arguments)])
        capfd.readouterr()
        try:
            main.main()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        result = Result(code, *capfd.readouterr())
        assert "Traceback" not in result.everything
        return result

    return call
