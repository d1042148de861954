"""How things are shown in the Dagster UI: tables' columns, findings, pictures, numbers."""

from collections.abc import Mapping, Sequence

import dagster as dg
import sqlalchemy as sa

from trackflow.exports.day_picture import DayPicture
from trackflow.store.types import UtcTime
from trackflow.tracks.notices import Notice

type Value = dg.MetadataValue | int | float | str

type Finding = Mapping[str, str | int | float | None]


def of_table(table: sa.Table) -> dict[str, object]:
    """Static metadata of an asset that is a table: its name and columns."""
    columns = [
        dg.TableColumn(
            column.name,
            type=_type_name(column.type),
            description=column.comment,
            constraints=dg.TableColumnConstraints(
                nullable=bool(column.nullable), unique=bool(column.unique)
            ),
        )
        for column in table.columns
    ]
    return {
        "dagster/table_name": table.name,
        "dagster/column_schema": dg.TableSchema(columns=columns),
    }


def _type_name(column_type: object) -> str:
    return "timestamp (UTC)" if isinstance(column_type, UtcTime) else str(column_type).lower()


def findings(rows: Sequence[Finding]) -> dg.MetadataValue:
    """A table of what was found; all rows have the same columns."""
    kinds = {int: "int", float: "float"}
    schema = dg.TableSchema(
        columns=[
            dg.TableColumn(name, kinds.get(type(value), "string"))
            for name, value in rows[0].items()
        ]
    )
    return dg.MetadataValue.table([dg.TableRecord(dict(row)) for row in rows], schema)


def notices(found: Sequence[Notice]) -> dg.MetadataValue:
    """Notices as a table, with what to do about each."""
    rows: list[Finding] = [
        {
            "device": notice.device_id,
            "kind": notice.kind.value,
            "points": notice.points,
            "of": notice.of_points,
            "what": notice.text,
            "what to do": notice.advice,
        }
        for notice in found
    ]
    return findings(rows)


def picture(drawn: DayPicture, alt: str) -> dg.MetadataValue:
    """A picture in Markdown, with what its colours and its bar mean."""
    return dg.MetadataValue.md(
        f"![{alt}]({drawn.data_uri})\n\n"
        f"One colour per device; grey: not matched to roads. The bar is {drawn.bar_text} long."
    )
