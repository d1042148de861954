"""Where the lists of race tracks are, and how fast they are read."""

from dataclasses import dataclass

from trackflow.variables import number, set_by, whole_number


@dataclass(frozen=True)
class CatalogueSettings:
    """Where the lists of race tracks are, and how fast they are read.

    Attributes:
        liverc_url: where LiveRC is: empty for the real one, a base address, an address with
            `{slug}` for a track's page, or those of the list and of a track's page, by a space.
        catalogue_file: a JSON or CSV list of race tracks, a path or a web address; empty for none.
        catalogue_concurrency: pages of a source that are fetched at the same time.
        catalogue_per_s: pages of a source that are fetched per second, at most.
        catalogue_limit_s: a sync that takes more seconds is reported; it goes on.
    """

    liverc_url: str = set_by(
        "LIVERC_URL",
        "",
        "another address: a base, a pattern with `{slug}`, or both with a space between",
        unset="the real site",
    )
    catalogue_file: str = set_by(
        "CATALOGUE_FILE",
        "",
        "a JSON or CSV list of race tracks, a path or a web address",
        unset="none",
    )
    catalogue_concurrency: int = set_by(
        "CATALOGUE_CONCURRENCY",
        6,
        "pages of a source fetched at once, by all processes",
        parse=whole_number(1, 32),
    )
    catalogue_per_s: float = set_by(
        "CATALOGUE_PER_S",
        15.0,
        "pages of a source per second, of all processes",
        parse=number(0.01, 1000),
    )
    catalogue_limit_s: float = set_by(
        "CATALOGUE_LIMIT_S",
        900.0,
        "a sync that takes more seconds is reported; it goes on",
        parse=number(1, 86_400),
    )
