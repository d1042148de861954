"""Decisions as CSV over HTTP; the client checks each answer against OpenAPI."""

from pathlib import Path

from trackflow.usecases.categories.following import follow_tracks
from trackflow.usecases.days.run import run
from trackflow_tests.helpers.running_api import running_api
from trackflow_tests.helpers.stores import NOON, batch_of_device, deliver, drive, open_context

CSV = """start_time;end_time;category;purpose
2.3.2026 14:00;2.3.2026 15:00;business;Smith
2.3.2026 25:00;2.3.2026 26:00;business;nonsense
"""


def test_decisions_go_in_and_out_as_csv(tmp_path: Path) -> None:
    with open_context("", tmp_path, time_zone="Europe/Helsinki") as context:
        deliver(context.store, batch_of_device("van", drive(NOON, 60)))
        run(context)
        follow_tracks(context)
        with running_api(context) as api:
            wanted = {"csv": CSV, "device_id": "van", "dates": "day-first"}
            path = "/api/v1/categories/decisions/import"
            found = api.post(path, json=wanted).json()
            assert [one["line"] for one in found.pop("refusals")] == [3]
            counts = {"rows": 2, "added": 1, "unchanged": 0, "refused": 1, "changed": 1}
            assert found == counts | {"overruled": 0}
            again = api.post(path, json=wanted).json()
            assert (again["added"], again["unchanged"], again["changed"]) == (0, 1, 0)

            (track,) = api.get("/api/v1/categories").json()["categories"]
            assert (track["category"], track["purpose"]) == ("business", "Smith")
            decided = api.get("/api/v1/categories.csv?decisions=true")
            assert decided.headers["content-type"] == "text/csv; charset=utf-8"
            back = api.post(path, json={"csv": decided.text}).json()
            assert (back["rows"], back["unchanged"]) == (1, 1)
            rows = api.get("/api/v1/categories.csv", params={"device": "van"}).text.splitlines()
            assert len(rows) == 2
            assert rows[1].startswith(f"{NOON.isoformat()},")
            assert len(api.get("/api/v1/categories.csv?from=2026-04-01").text.splitlines()) == 1

            (decision,) = api.get("/api/v1/categories/decisions").json()["decisions"]
            assert decision["origin"] == "import"
            for wrong in ({"csv": "a;b\n1;2\n"}, {"csv": CSV, "time_zone": "Mars/Base"}):
                assert api.post(path, json=wrong).status_code == 400
