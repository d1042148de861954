-- Dagster gets a database of its own: both it and trackflow have tables named jobs and
-- alembic_version. Run once, by the postgres image, when its volume is empty.
CREATE DATABASE dagster;
