"""Tables of Arrow with a list of positions in each row, as tables with a position in each row."""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from trackflow.sources.values.columns import Role, find, has_position, is_dated
from trackflow.sources.values.meanings import meanings


def unrolled(table: Any) -> Any:
    """A table without objects and with lists of positions as rows.

    A list has objects, or there are lists of latitudes, of longitudes and of times. What else is in
    the row of a list is of no moment and left out, except its device.

    Raises:
        ValueError: lists of one row differ in length.
    """
    table = _members(table)
    lists = [field.name for field in table.schema if _is_list(field.type)]
    if not lists or has_position(find([n for n in table.schema.names if n not in lists])):
        return table
    for name in lists:
        kind = table.schema.field(name).type.value_type
        if pa.types.is_struct(kind) and is_dated(
            find(_members(pa.schema(kind).empty_table()).schema.names)
        ):
            cells = _whole(table, name)
            batch = pa.RecordBatch.from_struct_array(pc.list_flatten(cells))
            members = _members(pa.Table.from_batches([batch]))
            return _beside(table, members, pc.list_parent_indices(cells))
    if not is_dated(find(lists)):
        return table
    found = [lists[index] for index in sorted(set(find(lists).values()))]
    columns = [_whole(table, name) for name in found]
    parents = [pc.list_parent_indices(cells) for cells in columns]
    if any(not each.equals(parents[0]) for each in parents):
        raise ValueError("the lists of a row differ in length")
    return _beside(table, pa.table([pc.list_flatten(c) for c in columns], names=found), parents[0])


def _members(table: Any) -> Any:
    """A table whose objects are columns named as in JSON."""
    while any(pa.types.is_struct(field.type) for field in table.schema):
        table = table.flatten()
    return table


def _is_list(kind: Any) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind))


def _whole(table: Any, name: str) -> Any:
    cells = table.column(name).combine_chunks()
    return pa.concat_arrays(cells.chunks) if isinstance(cells, pa.ChunkedArray) else cells


def _beside(table: Any, members: Any, parents: Any) -> Any:
    """The rows of lists with what their devices are called."""
    for field in table.schema:
        is_of_device = not {Role.DEVICE, Role.ZONE}.isdisjoint(meanings(field.name))
        if is_of_device and field.name not in members.schema.names and not _is_list(field.type):
            members = members.append_column(field.name, table.column(field.name).take(parents))
    return members
