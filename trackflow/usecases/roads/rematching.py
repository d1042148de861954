"""Lines that were made without roads, or on roads that are in use no more, are made again.

Matching may be switched off for a while, a road network may be removed and built again while it
is: the days that were worked on meanwhile are complete, and yet not what they would be now.
"""

from trackflow.context import Context
from trackflow.matching.networks import PROFILES
from trackflow.store.database import Connection
from trackflow.store.roads import networks
from trackflow.store.roads import outdated_days as outdated
from trackflow.store.roads.outdated_days import NetworkVersions


def outdated_days(context: Context, connection: Connection) -> dict[str, int]:
    """How many days of each device have lines that the road engine of now would make otherwise."""
    return outdated.count_outdated(connection, _versions(context, connection))


def match_outdated_again(context: Context) -> int:
    """Mark those days to be matched again; returns how many there were."""
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
    """Without a road network for its profile a batch stays as it is: there is nothing better."""
    if not context.matches:
        return {}
    if context.settings.engine_url:
        return dict.fromkeys(PROFILES)
    return networks.versions(connection)
