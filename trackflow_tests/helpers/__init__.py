"""What tests share: stores, running programs, fakes with the real interface, values to draw.

- Stores: `stores`, `templates`, `postgres`, `filled`, `older_stores`, `broken_databases`.
- Points and roads: `paths`, `drives`, `histories`, `town`, `roads`, `road_stretches`, `wrong_ways`.
- Input: `reading`, `fit_writer`, `any_values`.
- Fakes with the real interface: `liverc_site` (with `liverc_pages`), `http_servers` (with OSRM's).
- Running programs: `running_api`, `raw_http`, `nginx`, `served`, `dagster_server`, `browser`,
  `commands`, `workers`.
- Use cases and Dagster: `catalogues`, `fleet`, `ticks`.
"""
