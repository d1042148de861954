"""The environment variables that give a program in another folder the same store."""

from trackflow.settings import Settings
from trackflow.store.database import url_from_anywhere


def program_environment(settings: Settings) -> dict[str, str]:
    """Home, database, engine and workers as these settings have them; paths are absolute."""
    return {
        "TRACKFLOW_HOME": str(settings.home.absolute()),
        "TRACKFLOW_DATABASE_URL": url_from_anywhere(settings.database_url),
        "TRACKFLOW_ENGINE_URL": settings.engine_url,
        "TRACKFLOW_WORKERS": str(settings.workers),
    }
