"""Undo rows of customers: delete the customers that they created, set back those they changed."""

from shared.customers import Customer
from shared.row_entries import CustomerEntry, Import
from shared.store import bulk
from shared.store.customers import TABLE as CUSTOMERS
from shared.store.customers import customer_key
from shared.workflows.batch import Batch, find_records
from shared.workflows.import_customers import customers_wanted
from shared.workflows.undo_orders import delete_customers, of_dry_run
from shared.workflows.undo_updates import (
    Decision,
    Stored,
    as_planned,
    decide,
    restore,
    undone_before,
)


def undo_customers(
    job: Import, entries: list[CustomerEntry], done: Batch, pool: bulk.Pool, *, dry_run: bool
) -> None:
    """Undo rows of customers, or determine their results."""
    wanted = customers_wanted(job, ((entry.customer_id, entry.customer) for entry in entries))
    by_email, by_reference = find_records(pool, wanted)
    places = by_email | by_reference
    deletes, restores = [], []
    for entry in entries:
        place = places[entry.customer_id]
        id = undone_before(job, entry.record.row, place.deleted)
        if id is not None:
            done.reverted_customers += 1
            done.results.undo(entry.record.row, "customer_id", id)
        if id is not None or place.found is None:
            continue
        key = customer_key(job.company, place.found["id"])
        stored = Stored(entry.record, key, place.found)
        decision = as_planned(job, entry.record.row, decide(job, entry.record.row, place.found))
        if decision == "delete":
            deletes.append(stored)
        elif decision == "restore":
            restores.append(stored)
        else:
            _record(done, stored, decision)
    if dry_run:
        for stored in restores:
            _record(done, stored, "reverted")
    else:
        for stored, decision in restore(job, CUSTOMERS, restores, pool):
            _record(done, stored, decision)
    customers = [Customer.model_validate(stored.item) for stored in deletes]
    reasons = of_dry_run(job, customers) if dry_run else delete_customers(job, customers, pool)
    for stored in deletes:
        _record(done, stored, reasons[stored.item["id"]] or "reverted")


def _record(done: Batch, stored: Stored, decision: Decision) -> None:
    row, id = stored.record.row, stored.item["id"]
    if decision == "reverted":
        done.reverted_customers += 1
        done.results.undo(row, "customer_id", id)
    elif decision != "nothing":
        done.kept_customers += 1
        done.results.undo(row, "customer_id", id, decision)
