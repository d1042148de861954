"""Metadata for the Dagster UI: columns of tables, findings, pictures, numbers."""

from collections.abc import Mapping, Sequence

import dagster as dg

from trackflow.exports.day_picture import DayPicture
from trackflow.tracks.notices import Notice
from trackflow.usecases.queries.tables import describe_table

ROWS = "dagster/partition_row_count"
"""Dagster's own name for the rows of a partition: it shows and plots them."""

type Value = dg.MetadataValue | int | float | str

type Finding = Mapping[str, str | int | float | None]


def of_table(name: str) -> dict[str, object]:
    """Static metadata of an asset that is a table: its name and columns."""
    table = describe_table(name)
    columns = [
        dg.TableColumn(
            column.name,
            type=column.type,
            description=column.description,
            constraints=dg.TableColumnConstraints(
                nullable=column.is_nullable, unique=column.is_unique
            ),
        )
        for column in table.columns
    ]
    return {
        "dagster/table_name": table.name,
        "dagster/column_schema": dg.TableSchema(columns=columns),
    }


def findings(rows: Sequence[Finding]) -> dg.MetadataValue:
    """A table of findings; all rows have the same columns."""
    kinds = {int: "int", float: "float"}
    schema = dg.TableSchema(
        columns=[
            dg.TableColumn(name, kinds.get(type(value), "string"))
            for name, value in rows[0].items()
        ]
    )
    return dg.MetadataValue.table([dg.TableRecord(dict(row)) for row in rows], schema)


def notices(found: Sequence[Notice]) -> dg.MetadataValue:
    """Notices as a table, each with its advice."""
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
    """A picture in Markdown, with a legend of its colours and its scale bar."""
    return dg.MetadataValue.md(
        f"![{alt}]({drawn.data_uri})\n\n"
        f"One colour per device; grey: not matched to roads. The bar is {drawn.bar_text} long."
    )
