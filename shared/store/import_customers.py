"""Importing rows of customers: the first row of a file that names one is the one that counts."""

from collections.abc import Iterable

from shared.importing import CustomerEntry, Import
from shared.rows import CustomerRow
from shared.store import bulk
from shared.store.customers import TABLE as CUSTOMERS
from shared.store.customers import customer_key
from shared.store.stretch import Place, Stretch, is_ours, places_of, write_first
from shared.values import record_id


def import_customers(
    job: Import,
    entries: list[CustomerEntry],
    done: Stretch,
    pool: bulk.Pool,
    *,
    dry_run: bool,
) -> None:
    done.customer_rows += len(entries)
    drafts: dict[int, tuple[int, CustomerRow]] = {}
    for entry in entries:
        drafts.setdefault(entry.customer_id, (entry.record.row, entry.customer))
    places = customer_places(job, pool, ((named, row) for named, (_, row) in drafts.items()))
    if dry_run:
        done.made["customers"] = [
            place.id for place in places.values() if not place.found or is_ours(job, place.found)
        ]
    else:
        write_customers(job, places, drafts, done, pool)


def write_customers(
    job: Import,
    places: dict[int, Place],
    drafts: dict[int, tuple[int, CustomerRow]],
    done: Stretch,
    pool: bulk.Pool,
) -> None:
    wanted, rows, began = {}, {}, job.began.isoformat()
    for named, (row, said) in drafts.items():
        id = places[named].id
        pk, sk = customer_key(job.company, id)
        customer = {"pk": pk, "sk": sk, "id": id, "made_by": job.maker(row), **vars(said)}
        wanted[named] = customer | {"created_at": began, "updated_at": began}
        rows[named] = row
    made = done.made.setdefault("customers", [])
    for named, ours in write_first(job, CUSTOMERS, places, wanted, rows, pool):
        if ours:
            made.append(places[named].id)


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
