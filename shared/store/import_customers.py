"""Importing rows of customers: the first row of a file that names one is the one that counts."""

from collections.abc import Iterable, Mapping

from shared.importing import CustomerEntry, Import
from shared.rows import CustomerRow
from shared.store import bulk, dynamo
from shared.store.customers import TABLE as CUSTOMERS
from shared.store.customers import customer_key
from shared.store.newest_first import page_item, page_of, page_start
from shared.store.stretch import Place, Stretch, is_ours, places_of, write_first
from shared.values import record_id


def import_customers(
    job: Import,
    entries: list[CustomerEntry],
    done: Stretch,
    pool: bulk.Pool,
    *,
    dry_run: bool,
    complete: bool = False,
) -> None:
    """Write the customers that are new, or count what would be.

    `complete` writes no customer, and lists those that this batch wrote before.
    """
    done.customer_rows += len(entries)
    drafts: dict[int, tuple[int, CustomerRow]] = {}
    for entry in entries:
        drafts.setdefault(entry.customer_id, (entry.record.row, entry.customer))
    places = customer_places(job, pool, ((named, row) for named, (_, row) in drafts.items()))
    if dry_run:
        done.made["customers"] = [
            place.id for place in places.values() if not place.found or is_ours(job, place.found)
        ]
        return
    first_rows = {named: row for named, (row, _) in drafts.items()}
    if complete:
        there = {named: place.found for named, place in places.items()}
        drafts = {named: draft for named, draft in drafts.items() if there[named]}
    write_customers(job, places, drafts, done, pool, first_rows)


def write_customers(
    job: Import,
    places: dict[int, Place],
    drafts: dict[int, tuple[int, CustomerRow]],
    done: Stretch,
    pool: bulk.Pool,
    first_rows: Mapping[int, int],
) -> None:
    """Write customers as these rows have them, and list those that this batch wrote first.

    `first_rows` has the row of the batch that names a customer first, whatever becomes of the row.
    """
    wanted, rows, began = {}, {}, job.began.isoformat()
    for named, (row, said) in drafts.items():
        id = places[named].id
        pk, sk = customer_key(job.company, id)
        customer = {"pk": pk, "sk": sk, "id": id, "made_by": job.maker(row), **dict(said)}
        customer["listed_by"] = done.first_row
        wanted[named] = dynamo.to_item(customer | {"created_at": began, "updated_at": began})
        rows[named] = row
    made = done.made.setdefault("customers", [])
    blocks: dict[int, list[int]] = {}
    for named, ours in write_first(job, CUSTOMERS, places, wanted, rows, pool):
        place = places[named]
        if ours:
            made.append(place.id)
        if ours and (place.found or {}).get("listed_by", done.first_row) == done.first_row:
            start = page_start(first_rows[named], done.first_row)
            blocks.setdefault(start, []).append(place.id)

    def put(page: dynamo.Item) -> None:
        bulk.put_larger(CUSTOMERS, page, "n", pool.patience)

    pages = (
        page_item(page_of(job.company, job.number, job.began, start, ids))
        for start, ids in blocks.items()
    )
    for _ in bulk.each(pool.executor, put, pages):
        pass


def customer_places(
    job: Import, pool: bulk.Pool, named: Iterable[tuple[int, CustomerRow]]
) -> dict[int, Place]:
    emails = {id: row.email or "" for id, row in named}
    return places_of(
        pool,
        CUSTOMERS,
        emails,
        "email",
        lambda id: customer_key(job.company, id),
        lambda name, n: record_id(job.company, "customer", name, attempt=n),
    )
