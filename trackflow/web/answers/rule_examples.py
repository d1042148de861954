"""Examples of the answers about rules, as OpenAPI shows them."""

import datetime as dt

from trackflow.categories.rules.preview import CategorySum, Differences, TrackChange
from trackflow.categories.rules.rules import Outcome
from trackflow.categories.rules.toml import parse_toml
from trackflow.usecases.categories.rule_versions import (
    RulesHistory,
    RulesVersion,
    SaveReport,
    UseRow,
    VersionRow,
)
from trackflow.web.answers import rules as answers
from trackflow.web.answers.describing import shows

_TOML = """
[[rules]]
name = "Commute"
category = "commute"
[rules.when]
weekday = ["mon-fri"]
start = "home"
end = "work"
"""
_RULES = parse_toml(_TOML)
_AT = dt.datetime(2026, 9, 21, 14, 13, 20, tzinfo=dt.UTC)
_START = dt.datetime(2026, 9, 1, tzinfo=dt.UTC)
_USE = UseRow(4, 3, _START, _AT, "anna", _AT, None)
_ID = "6f6e4f1c-6a0b-5c1e-9c57-3a4be1b6c0d4"
_COMMUTE = Outcome("commute", origins=(("category", "rule", "commute"),))


def _preview() -> Differences:
    found = Differences()
    end = _START + dt.timedelta(minutes=25)
    found.add([TrackChange(_ID, "van", _START, end, 12_345.0, Outcome(), _COMMUTE)], 0, 10)
    found.before[""] = CategorySum(2, 20_000_000)
    return found


RULES = shows(answers.RulesAnswer, answers.rules_answer(RulesVersion(3, _RULES)))
DRAFT = shows(answers.RulesAnswer, answers.rules_answer(RulesVersion(0, _RULES)))
SAVED = shows(
    answers.SaveReportAnswer, answers.saved_answer(SaveReport(3, 4, is_new=True, missing_rates=()))
)
USE = shows(answers.ChangedUseAnswer, {"use": answers.use_answer(_USE), "changed": 17})
HISTORY = shows(
    answers.RulesHistoryAnswer,
    answers.history_answer(RulesHistory([VersionRow(3, "New office", "anna", _AT, 1)], [_USE])),
)
PREVIEW = shows(answers.PreviewAnswer, answers.preview_answer(_preview()))
