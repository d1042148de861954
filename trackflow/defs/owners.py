"""Owners of trackflow's assets and automations, unless `build` names others."""

OWNERS = ["team:trackflow"]
