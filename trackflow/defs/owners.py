"""Who looks after trackflow's assets and automations, where nobody else is named."""

OWNERS = ["team:trackflow"]
