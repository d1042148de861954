"""Part of every build and installation: the files of the pages are fetched from npm before."""

import runpy
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class VendorHook(BuildHookInterface[Any]):
    """Fetches what is missing; an archive of the source has it already, and needs no network."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Called by hatchling before it collects the files."""
        runpy.run_path(str(Path(self.root) / "scripts" / "vendor.py"))["vendor"]()
        build_data["artifacts"].append("trackflow/web/vendored/**")
