"""Catalogue: a sync of 1,084 tracks from a slow site, against the best possible.

The site is a process of its own and takes 0.5 to 2 s for a page, always the same for the same
page, so the best possible is known: the list, then the sum of all pages divided by the number that
may be fetched at once. The stored part (parse, check, compare, write) is measured for all tracks
new, all unchanged and all changed. Memory is the peak of a process that does one sync, against one
of a tenth of the tracks.
"""

import multiprocessing
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trackflow.catalogue.sources.liverc import parse_dashboard
from trackflow.concurrency.polite import Page
from trackflow.context import Context
from trackflow.settings import Settings
from trackflow.usecases.jobs.kinds import queue_job, run_job
from trackflow_tests.helpers.liverc_pages import dashboard_page, made_up_tracks
from trackflow_tests.helpers.liverc_site import Site, site_with

TRACKS, FASTEST_S, SLOWEST_S = 1_084, 0.5, 2.0
STORED_STAGES = ("check", "compare", "write")


def run() -> dict[str, float | int]:
    spawn = multiprocessing.get_context("spawn")
    with spawn.Pool(1, maxtasksperchild=1) as pool, _slow_site(TRACKS // 10) as url:
        _, tenth_mb = pool.apply(_timed_sync, (url,))
    with spawn.Pool(1, maxtasksperchild=1) as pool, _slow_site(TRACKS) as url:
        total_s, peak_mb = pool.apply(_timed_sync, (url,))
    at_once = Settings().catalogue_concurrency
    site = Site([], (FASTEST_S, SLOWEST_S))
    pages_s = sum(site.latency_of(f"/tracks/track{k}/") for k in range(TRACKS))
    best_s = site.latency_of("/") + pages_s / at_once
    parse_s = _parse_s()
    stored = {name: parse_s + seconds for name, seconds in _stored_s().items()}
    return {
        "tracks": TRACKS,
        "pages at once": at_once,
        "total, s (240)": total_s,
        "best possible, s": best_s,
        "ratio (1.10)": total_s / best_s,
        "parse all pages, s": parse_s,
        **{f"parse, check, compare, write: {k}, s (3)": v for k, v in stored.items()},
        "peak memory, MB": peak_mb,
        "peak memory for a tenth, MB": tenth_mb,
    }


@contextmanager
def _slow_site(tracks: int) -> Iterator[str]:
    command = [sys.executable, "-m", "trackflow_tests.helpers.liverc_site"]
    arguments = [str(tracks), str(FASTEST_S), str(SLOWEST_S)]
    with subprocess.Popen(
        [*command, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().strip()
        finally:
            server.terminate()


def _timed_sync(url: str) -> tuple[float, float]:
    """Seconds of a first sync, and the peak memory of this process in MB."""
    with tempfile.TemporaryDirectory() as home, _work(url, Path(home)) as context:
        started = time.perf_counter()
        _sync(context)
        took_s = time.perf_counter() - started
    return took_s, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _work(url: str, home: Path, per_s: float = Settings().catalogue_per_s) -> Context:
    addresses = f"{url}/ {url}/tracks/{{slug}}/"
    return Context.open(
        Settings(home=home, engine_url="none", liverc_url=addresses, catalogue_per_s=per_s)
    )


def _sync(context: Context) -> dict[str, float]:
    """Seconds per stage."""
    job = queue_job(context, "catalogue_sync", {})
    ended = run_job(context, job.job_id)
    assert ended is not None
    assert ended.result is not None
    assert (ended.result["outcome"], ended.failed) == ("completed", 0), ended.error
    stages: dict[str, float] = ended.result["stages"]
    return stages


def _parse_s() -> float:
    pages = [
        Page(f"http://localhost/{track.slug}/", dashboard_page(track).encode())
        for track in made_up_tracks(TRACKS)
    ]
    started = time.perf_counter()
    for page in pages:
        parse_dashboard(page, page.url)
    return time.perf_counter() - started


def _stored_s() -> dict[str, float]:
    """Seconds of the stored part but for parsing; the site answers at once."""
    found = {}
    with (
        tempfile.TemporaryDirectory() as home,
        site_with(TRACKS) as site,
        _work(site.url, Path(home), per_s=1000.0) as context,
    ):
        for name in ("all new", "all unchanged", "all changed"):
            if name == "all changed":
                for track in site.tracks:
                    track.name += " II"
            stages = _sync(context)
            found[name] = sum(stages[stage] for stage in STORED_STAGES)
    return found
