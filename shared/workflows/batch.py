"""A batch of rows: its results, and the records that several of its rows name.

Every record names the row and the job that created it. So a batch that runs again, completely or
partly, immediately or much later, recognizes its own records and has the same counts.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shared.csv_format.reader import Record
from shared.differences import Holder, limited
from shared.errors import Busy
from shared.row_reader import Import, InvalidRecord
from shared.store import bulk, dynamo
from shared.store.lookup import Keyed, Lookup, Records, find
from shared.store.retry import attempts
from shared.store.signed_http import Exchange


@dataclass
class Batch:
    """The results of a batch of rows.

    In a dry run, `made` has `[row, license, order, customer]` of each row that would create a
    license, with 0 for an existing order or customer. Otherwise it has the ids of the orders and
    customers that this job created. A record can be in several batches, so the job counts distinct
    ids. If rows of different batches can only be compared at the end, `made["named"]` has
    `[row, id, content digest]` of each row.
    """

    first_row: int
    rows: int = 0
    invalid: list[InvalidRecord] = field(default_factory=list)
    warnings: list[dict[str, Any]] = field(default_factory=list)
    created_licenses: int = 0
    existed_licenses: int = 0
    order_rows: int = 0
    customer_rows: int = 0
    created_features: int = 0
    existed_features: int = 0
    made: dict[str, list[Any]] = field(default_factory=dict)

    def warn(self, record: Record, warnings: Iterable[dict[str, Any]]) -> None:
        """Add the warnings of a row."""
        place = {"row": record.row, "line": record.line}
        self.warnings += [{**place, **warning} for warning in limited([*warnings])]


@dataclass
class Found:
    """A customer or order that rows name: its id, and the stored item, if it exists."""

    id: int
    found: dict[str, Any] | None


def find_records(
    pool: bulk.Pool,
    env_name: str,
    named: dict[int, str],
    field: str,
    key: Callable[[int], dynamo.Key],
    next_id: Callable[[str, int], int],
) -> dict[int, Found]:
    """Look up the records that rows name, by their ids; an empty name belongs to its id alone."""

    def lookup(first: int, name: str) -> Lookup:
        return Lookup(
            env_name,
            field,
            name,
            lambda attempt: next_id(name, attempt) if attempt else first,
            lambda id: [key(id)],
        )

    lookups = {first: lookup(first, name) for first, name in named.items()}

    def read(keys: Sequence[Keyed]) -> Records:
        found = get_all(pool, env_name, [key for _, key in keys])
        return {(env_name, key): item for key, item in found.items()}

    find(lookups.values(), read=read)
    return {first: Found(lookup.id, lookup.found) for first, lookup in lookups.items()}


def get_all(
    pool: bulk.Pool, env_name: str, keys: Sequence[dynamo.Key]
) -> dict[dynamo.Key, dict[str, Any]]:
    found: dict[dynamo.Key, dict[str, Any]] = {}
    work = bulk.batches(dict.fromkeys(keys), 100)

    def get(keys: Sequence[dynamo.Key]) -> Exchange[dict[dynamo.Key, dict[str, Any]]]:
        return bulk.get_all(env_name, keys, pool.patience)

    for part in pool.each(get, work):
        found |= part
    return found


def is_ours(job: Import, item: Mapping[str, Any]) -> bool:
    return str(item.get("made_by", "")).startswith(job.made)


def holder_of(
    job: Import, item: Mapping[str, Any], customer: Mapping[str, Any] | None = None
) -> Holder:
    """A stored record, to be compared with the rows that have its key."""
    row = int(item["made_by"].removeprefix(job.made)) if is_ours(job, item) else None
    return Holder(row, item, customer)


def write_first(
    job: Import,
    env_name: str,
    places: dict[int, Found],
    wanted: dict[int, dict[str, Any]],
    rows: dict[int, int],
    pool: bulk.Pool,
) -> list[tuple[int, bool, bool]]:
    """Write records that several rows can name, with the values of the file's first row.

    Returns for each id whether this job created the record, and whether this batch lists it. If
    another chunk has written the record from a later row, it is replaced; from an earlier row, it
    is kept. The batch that wrote the record first lists it, even if it is replaced later.
    """
    missing = [named for named in wanted if places[named].found is None]
    statements = (
        [bulk.insert(env_name, wanted[named]) for named in batch] for batch in bulk.batches(missing)
    )

    def insert(batch: Sequence[bulk.Statement]) -> Exchange[list[bool]]:
        return bulk.insert_all(env_name, batch, pool.patience)

    written = [new for batch in pool.each(insert, statements) for new in batch]
    late = [named for named, new in zip(missing, written, strict=True) if not new]
    keys = {named: (wanted[named]["pk"], wanted[named]["sk"]) for named in late}
    found = get_all(pool, env_name, list(keys.values()))
    for named in late:
        places[named].found = found.get(keys[named])
    results = []
    for named, record in wanted.items():
        there = places[named].found
        ours = there is None or is_ours(job, there)
        is_listed = ours and (there or {}).get("listed_by") == (
            record.get("listed_by") if there else None
        )
        results.append((named, ours, is_listed))
        if there is not None and ours:
            item = dynamo.to_item(record)
            places[named].found = _put_earlier(job, env_name, item, there, rows[named])
    return results


def _put_earlier(
    job: Import, env_name: str, item: dynamo.Item, there: dict[str, Any], row: int
) -> dict[str, Any] | None:
    """Replace a record that a later row of this job wrote, unless an earlier row has written it.

    Returns the record that stays, or None if it is `item`. The batch that lists it does not change.
    """
    if "listed_by" in there:
        item = item | dynamo.to_item({"listed_by": there["listed_by"]})
    for _ in attempts():
        if int(there["made_by"].removeprefix(job.made)) <= row:
            return there
        before = {"before": there["made_by"]}
        if dynamo.write([dynamo.put(env_name, item, "made_by = :before", **before)]):
            return None
        again = dynamo.get(env_name, (item["pk"]["S"], item["sk"]["S"]))
        if again is None:
            return None
        there = again
    raise Busy
