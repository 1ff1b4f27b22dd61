"""Set back what rows of an import have changed in licenses and customers that existed before."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, NamedTuple

from shared.access import WRITER
from shared.csv_format.reader import Record
from shared.errors import Busy
from shared.import_undo import Reason
from shared.row_entries import Import
from shared.row_updates import applied
from shared.store import bulk, dynamo
from shared.store.retry import attempts
from shared.store.tombstones import id_of_tombstone
from shared.workflows.batch import get_all, is_ours

type Decision = Literal["delete", "restore", "reverted", "nothing"] | Reason
"""What becomes of the record of a row; a Reason keeps it."""


class Stored(NamedTuple):
    """A row, and the stored record that it names."""

    record: Record
    key: dynamo.Key
    item: Mapping[str, Any]


def decide(job: Import, row: int, item: Mapping[str, Any]) -> Decision:
    """Decide about the stored record that a row names; whether it can be deleted is open."""
    maker, rows = job.maker(row), item.get("applied_rows", ())
    if item.get("made_by") == maker:
        return "delete"
    if job.undo_maker(row) in rows:
        return "reverted"
    if maker in rows:
        return "restore" if item.get("changed_by") == maker else "changed_since"
    return "nothing" if is_ours(job, item) else "not_ours"


def as_planned(job: Import, row: int, decision: Decision) -> Decision:
    """A decision, or `not_as_planned` if the plan of the undo does not revert the row."""
    if decision in ("delete", "restore") and not job.may_revert(row):
        return "not_as_planned"
    return decision


def undone_before(job: Import, row: int, graves: Iterable[Mapping[str, Any]]) -> int | None:
    """The id of the record, deleted now, of a row that an earlier run of this undo has reverted.

    It has deleted the record, or set it back before someone has deleted it. None if it has not.
    """
    maker, undone = job.maker(row), job.undo_maker(row)
    for grave in graves:
        is_deleted_by_us = grave.get("made_by") == maker and grave["deleted_by"] == job.undo_token
        if is_deleted_by_us or undone in grave.get("applied_rows", ()):
            return id_of_tombstone(grave)
    return None


def restore(
    job: Import, env_name: str, rows: Sequence[Stored], pool: bulk.Pool
) -> list[tuple[Stored, Decision]]:
    """Set records back to the values before their rows; returns what became of each.

    Only a record that was last changed by its row is written.
    """
    waiting, results = [*rows], []
    for _ in attempts():
        writes = [_body(job, each) for each in waiting]
        written = pool.run(
            bulk.write("UpdateItem", env_name, body, pool.patience) for body in writes
        )
        pool.patience.progressed = pool.patience.progressed or any(written)
        results += [(each, "reverted") for each, new in zip(waiting, written, strict=True) if new]
        late = [each for each, new in zip(waiting, written, strict=True) if not new]
        if not late:
            return results
        found = get_all(pool, env_name, [each.key for each in late])
        waiting = []
        for each in late:
            item = found.get(each.key, {})
            is_same = item.get("created_at") == each.item["created_at"]
            decision = decide(job, each.record.row, item) if is_same else "nothing"
            if decision == "restore":
                waiting.append(each._replace(item=item))
            else:
                results.append((each, decision))
        if not waiting:
            return results
    raise Busy


def _body(job: Import, stored: Stored) -> dict[str, Any]:
    """The parameters of the UpdateItem: the values before the row, as the record has kept them."""
    item = stored.item
    before = datetime.fromisoformat(item["updated_at"])
    now = max(datetime.now(UTC), before + timedelta(microseconds=1))
    fields = {
        **item["changed_from"]["fields"],
        "updated_at": now.isoformat(),
        "applied_rows": applied(item.get("applied_rows", ()), job.undo_maker(stored.record.row)),
        "changed_by": None,
        "changed_from": None,
        WRITER: None,
    }
    return dynamo.field_update(stored.key, fields, "updated_at", item["updated_at"])
