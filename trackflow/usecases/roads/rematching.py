"""Matches lines again that were made without roads, or on a former road network.

Matching may be switched off for a while, a road network may be removed and built again while it
is: the days that were processed meanwhile are complete, but their lines are outdated.
"""

from trackflow.context import Context
from trackflow.matching.networks import PROFILES
from trackflow.store.database import Connection
from trackflow.store.roads import networks
from trackflow.store.roads import outdated_days as outdated
from trackflow.store.roads.outdated_days import NetworkVersions


def outdated_days(context: Context, connection: Connection) -> dict[str, int]:
    """The number of days, by device, whose lines the present road network would change."""
    return outdated.count_outdated(connection, _versions(context, connection))


def match_outdated_again(context: Context) -> int:
    """Mark outdated days to be matched again; returns their number."""
    if not context.matches:
        return 0
    with context.store.read() as connection:
        found = outdated_days(context, connection)
    marked = 0
    for device_id in sorted(found):
        with context.store.write() as connection:
            marked += outdated.match_outdated_again(
                connection, device_id, _versions(context, connection), context.clock()
            )
    return marked


def _versions(context: Context, connection: Connection) -> NetworkVersions:
    """The versions in use. Without a road network for its profile a batch stays as it is."""
    if not context.matches:
        return {}
    if context.settings.engine_url:
        return dict.fromkeys(PROFILES)
    return networks.versions(connection)
