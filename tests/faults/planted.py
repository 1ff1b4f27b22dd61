"""Plausible bugs that the checker must find."""

import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions import create_order, import_csv, job_status, sweep
from functions import export_jobs as export_jobs_api
from functions.web.api import logger
from shared import export_job, import_job, orders, row_entries, row_updates
from shared.csv_format import reader
from shared.customers import LicenseUser
from shared.errors import Conflict
from shared.import_undo import license_reason
from shared.store import (
    batch_results,
    bulk,
    customers,
    dynamo,
    export_jobs,
    import_jobs,
    license_index,
    licenses,
    lookup,
    object_claims,
    order_index,
    removals,
)
from shared.store import catalog as catalog_store
from shared.store.orders import TABLE as ORDERS
from shared.store.patience import Patience
from shared.store.retry import TRANSIENT
from shared.store.signed_http import Exchange, send
from shared.values import record_id
from shared.workflows import (
    assign_users,
    batch,
    batch_report,
    change_licenses,
    delete_licenses,
    delete_orders,
    delete_users,
    held_keys,
    import_chunk,
    import_duplicates,
    import_features,
    import_licenses,
    import_lifecycle,
    import_orders,
    import_plan,
    import_repeats,
    import_users,
    order_writes,
    pending_orders,
    place_order,
    row_bundles,
    run_export,
    undo_batch,
    undo_customers,
    undo_import,
    undo_licenses,
    undo_orders,
    undo_updates,
    undo_users,
    update_records,
)

type Plant = Callable[[pytest.MonkeyPatch], None]


def unconditional_put(patch: pytest.MonkeyPatch) -> None:
    """The last write wins."""

    def put(env_name: str, item: Any, _: Any = None, **__: Any) -> Any:
        return {"Put": {"TableName": dynamo.table(env_name), "Item": item}}

    patch.setattr(dynamo, "put", put)


def own_write_refused(patch: pytest.MonkeyPatch) -> None:
    """A writer treats its own earlier write as a conflict."""

    def add(company: str, plan: Any, pending: Any) -> bool:
        if written(company, plan, pending):
            return True
        if orders_store_has(company, plan):
            raise Conflict("order_id_exists", "Order with this ID already exists")
        return False

    def orders_store_has(company: str, plan: Any) -> bool:
        key = (dynamo.partition(company, plan.order.id), plan.order.part)
        return dynamo.get(ORDERS, key) is not None

    written = order_writes.write_order
    patch.setattr(place_order, "write_order", add)


def fingerprint_ignored(patch: pytest.MonkeyPatch) -> None:
    """Every request with a stored id is a retry, whatever its body."""
    patch.setattr(place_order, "already_placed", lambda _, context: context.row)


def orphaned_licenses(patch: pytest.MonkeyPatch) -> None:
    """Licenses are written first, and their order in a second write."""

    def write(operations: list[Any]) -> bool:
        first = [each for each in operations if _table_of(each) == licenses.TABLE]
        rest = [each for each in operations if _table_of(each) != licenses.TABLE]
        return (not first or whole(first)) and (not rest or whole(rest))

    whole = dynamo.write
    patch.setattr(dynamo, "write", write)


def catalog_unguarded(patch: pytest.MonkeyPatch) -> None:
    """An order checks that the product exists, but not that it is unchanged."""

    def unchanged(company: str, product: Any) -> Any:
        key = (company, f"guard#{product.id}#0")
        return dynamo.check(catalog_store.TABLE, key, "attribute_exists(pk)")

    patch.setattr(order_writes, "unchanged", unchanged)
    patch.setattr(pending_orders, "unchanged", unchanged)


def cross_company_key(patch: pytest.MonkeyPatch) -> None:
    """All companies share their customers."""

    def key(_: str, id: int) -> tuple[str, str]:
        return dynamo.shard("acme", id), f"customer#{id}"

    patch.setattr(customers, "customer_key", key)
    patch.setattr(order_writes, "customer_key", key)


def users_taken_back(patch: pytest.MonkeyPatch) -> None:
    """Users of a pending order are assigned to other orders."""
    patch.setattr(order_writes, "_blocking", lambda *_: frozenset())


def users_taken_over(patch: pytest.MonkeyPatch) -> None:
    """Orders with the same id share their users, even with different bodies."""

    def put(company: str, user: Any) -> Any:
        written = write(company, user)
        if user.unsettled:
            written["Put"]["ConditionExpression"] = "attribute_not_exists(pk) OR made_by = :row"
            written["Put"]["ExpressionAttributeValues"][":row"] = {"S": user.made_by}
        return written

    write = customers.user_put
    patch.setattr(customers, "user_put", put)


def commit_assumed(patch: pytest.MonkeyPatch) -> None:
    """An order that was looked up counts as committed even if it was not."""

    def read(company: str, rows: set[str]) -> set[str]:
        committed = looked(company, rows)
        licenses._committed.update({f"{company}/{row}": None for row in rows})  # noqa: SLF001
        return committed

    looked = licenses._read_committed  # noqa: SLF001
    patch.setattr(licenses, "_read_committed", read)


def new_keys_each_time(patch: pytest.MonkeyPatch) -> None:
    """A retry gets newly issued licenses instead of the stored ones."""

    def placed(request: Any, context: Any) -> Any:
        row = looked(request, context)
        return row and replace_ids(row)

    def replace_ids(row: Any) -> Any:
        items = tuple(item.model_copy(update={"license_ids": ()}) for item in row.items[:1])
        return row.model_copy(update={"items": (*items, *row.items[1:])})

    looked = orders.already_placed
    patch.setattr(place_order, "already_placed", placed)


def key_logged(patch: pytest.MonkeyPatch) -> None:
    """License keys are logged."""

    def placed(*args: Any, **options: Any) -> Any:
        done = place(*args, **options)
        for lic in done.plan.licenses if done.plan else ():
            logger.info("placed", license=lic.license_key)
        return done

    place = place_order.place_order
    patch.setattr(create_order, "place_order", placed)


def added_counters(patch: pytest.MonkeyPatch) -> None:
    """A batch that runs again adds its counts to those of its earlier run."""

    def put(company: str, number: int, result: Any) -> Any:
        stored = batch_results.batch_results(company, number)
        before = next((each for each in stored if each.index == result.index), None)
        if before and before.phase == result.phase:
            names = ("rows", "valid", "invalid", "created_licenses", "existed_licenses")
            added = {name: getattr(before, name) + getattr(result, name) for name in names}
            result = result.model_copy(update=added)
        return write(company, number, result)

    write = batch_results.batch_result_put
    patch.setattr(batch_report, "batch_result_put", put)


def random_job_id(patch: pytest.MonkeyPatch) -> None:
    """Every event creates a job."""
    patch.setattr(object_claims, "claimed", lambda _: None)
    patch.setattr(
        object_claims,
        "_claim_put",
        lambda *_: dynamo.put(
            import_jobs.TABLE,
            dynamo.to_item({"pk": f"object#{secrets.token_hex(8)}", "sk": "claim"}),
        ),
    )


def latest_version(patch: pytest.MonkeyPatch) -> None:
    """An import reads the newest version of its object instead of the pinned one."""
    patch.setattr("shared.store.uploads._pin", lambda _: {})


def statement_errors_swallowed(patch: pytest.MonkeyPatch) -> None:
    """A statement that was throttled counts as written."""

    def insert_all(env_name: str, statements: Any, patience: Patience) -> Exchange[list[bool]]:
        body = b'{"Statements":[' + b",".join(statements) + b"]}"
        answer = yield from send("BatchExecuteStatement", body, patience.request(env_name))
        answers = answer["Responses"]
        return ["Error" not in each or each["Error"]["Code"] in TRANSIENT for each in answers]

    patch.setattr(bulk, "insert_all", insert_all)


def pages_named_by_time(patch: pytest.MonkeyPatch) -> None:
    """A batch that runs again adds new pages to those of its earlier run."""

    def named(*args: Any) -> Any:
        for page in pages(*args):
            yield {**page, "sk": f"page#{secrets.token_hex(8)}"}

    pages = license_index.pages
    patch.setattr(import_licenses, "pages", named)


def pages_written_first(patch: pytest.MonkeyPatch) -> None:
    """Pages are written before the licenses that they list."""

    def run(self: Any, entries: Any, rows: Any, opening: Any) -> None:
        first = {entry.key: entry for entry in entries}
        made = [
            (entry, record_id(self.job.company, "license", entry.key)) for entry in first.values()
        ]
        if not self.dry_run:
            self.pool.run(map(self._put_larger, self._pages(rows, made)))
        whole(self, entries, rows, opening)

    whole = import_licenses._Licenses.run  # noqa: SLF001
    patch.setattr(import_licenses._Licenses, "run", run)  # noqa: SLF001


def orders_listed_by_each_run(patch: pytest.MonkeyPatch) -> None:
    """A batch that runs again lists its orders a second time."""

    def named(*args: Any, **options: Any) -> Any:
        return {**page(*args, **options), "sk": f"orders#{secrets.token_hex(8)}"}

    page = order_index.order_page
    patch.setattr(import_orders, "order_page", named)


def additions_in_two_writes(patch: pytest.MonkeyPatch) -> None:
    """The licenses added to an order are written first, and counted in a second write."""

    def transact(env_name: str, operations: Any, patience: Patience) -> Exchange[bool]:
        for each in operations:
            ((kind, body),) = each.items()
            if not (yield from bulk.write(f"{kind}Item", env_name, body, patience)):
                return False
        return True

    patch.setattr(bulk, "transact", transact)


def orders_replaced_whole(patch: pytest.MonkeyPatch) -> None:
    """An earlier row of the file replaces an order together with its licenses."""
    patch.setattr(import_orders, "_OWN_LICENSES", ())


def open_batches_forgotten(patch: pytest.MonkeyPatch) -> None:
    """The sweeper does not complete open batches of cancelled imports."""
    patch.setitem(sweep._CONCERNS, "completed", ("BatchCompleted", lambda _: 0))  # noqa: SLF001


def maker_forgotten(patch: pytest.MonkeyPatch) -> None:
    """A row that runs again treats its own license as another import's."""
    patch.setattr("shared.row_entries.Import.maker", lambda *_: "")


def unescaped_report(patch: pytest.MonkeyPatch) -> None:
    """failed.csv contains cells without escaping formulas."""
    patch.setattr(reader, "escape_formula", lambda cell: cell)


def half_validated(patch: pytest.MonkeyPatch) -> None:
    """`reject_all` checks the first batch only."""

    def begin_writing(job: Any) -> bool:
        results = batch_results.batch_results(job.company, job.number)
        faulty = job.dry_run or any(result.invalid for result in results[:1])
        return job.on_error != "reject_all" or not faulty

    patch.setattr(import_csv, "begin_writing", begin_writing)


def stopped_jobs_forgotten(patch: pytest.MonkeyPatch) -> None:
    """The sweeper does not resume stopped jobs."""
    patch.setitem(sweep._CONCERNS, "resumed", ("ImportResumed", lambda _: 0))  # noqa: SLF001


def pending_key_exists(patch: pytest.MonkeyPatch) -> None:
    """A row whose key a pending order holds counts as existing, even if that rolls back."""
    patch.setattr(import_licenses._Licenses, "_pending", lambda *_: set())  # noqa: SLF001


def other_ranges_ignored(patch: pytest.MonkeyPatch) -> None:
    """A row is compared with the rows of its own batch only, not of other chunks."""
    members = held_keys.HeldKeys._members  # noqa: SLF001

    def forgotten(self: Any, held: Any) -> Any:
        return [
            (entry, {**item, "made_by": ""} if _is_row(item) else item)
            for entry, item in members(self, held)
        ]

    def _is_row(item: Any) -> bool:
        return str(item.get("made_by", "")).startswith("import ")

    patch.setattr(held_keys.HeldKeys, "_members", forgotten)


def batches_not_compared(patch: pytest.MonkeyPatch) -> None:
    """Batches that wrote nothing are not compared with each other at the end."""
    patch.setattr(import_duplicates, "repeated_rows", lambda *_: {})
    patch.setattr(import_lifecycle, "repeated_rows", lambda *_: {})


def later_version_dropped(patch: pytest.MonkeyPatch) -> None:
    """A second version at an import's own key is imported with default options."""

    def owner(place: Any) -> Any:
        job = find(place)
        return job if job and job.version_id is None else None

    find = object_claims._owner  # noqa: SLF001
    patch.setattr(object_claims, "_owner", owner)


def strangers_imported(patch: pytest.MonkeyPatch) -> None:
    """Files of companies without an API key are imported."""
    patch.setattr(object_claims, "has_api_key", lambda _: True)


def strangers_forgotten(patch: pytest.MonkeyPatch) -> None:
    """A file that arrived before its company's first API key is never imported."""
    patch.setitem(sweep._CONCERNS, "known", ("ImportAnnounced", lambda _: 0))  # noqa: SLF001


def stopped_never_counted(patch: pytest.MonkeyPatch) -> None:
    """An import that stopped early is never counted."""
    patch.setattr(import_csv, "count_stopped", lambda _: None)


def changes_unlocked(patch: pytest.MonkeyPatch) -> None:
    """A changed license is written without its optimistic lock."""

    def license_changes(company: str, changes: Any) -> list[Any]:
        return [
            dynamo.put(
                licenses.TABLE,
                dynamo.record_item(after, pk=dynamo.partition(company, after.id)),
                "attribute_exists(pk)",
            )
            for after, _ in changes
        ]

    for module in (change_licenses, assign_users):
        patch.setattr(module, "license_changes", license_changes)


def changes_one_by_one(patch: pytest.MonkeyPatch) -> None:
    """The licenses of a bulk update are written in a transaction each."""

    def write(operations: list[Any]) -> bool:
        changes = [each for each in operations if _table_of(each) == licenses.TABLE]
        if len(changes) < 2 or len(changes) < len(operations):
            return whole(operations)
        return [whole([each]) for each in changes].count(False) == 0

    whole = dynamo.write
    patch.setattr(dynamo, "write", write)


def features_unlocked(patch: pytest.MonkeyPatch) -> None:
    """An import adds features to a license without a new `updated_at`."""

    def write_frozen(features: Any) -> Any:
        before = features.lic.updated_at
        features.job = replace(features.job, began=before)
        features.lic = features.lic.model_copy(
            update={"updated_at": before - timedelta(microseconds=1)}
        )
        return write(features)

    write = import_features._Features.write  # noqa: SLF001
    patch.setattr(import_features._Features, "write", write_frozen)  # noqa: SLF001


def updates_unlocked(patch: pytest.MonkeyPatch) -> None:
    """A row updates its license without a condition."""

    def field_update(*args: Any) -> dict[str, Any]:
        body = update(*args)
        del body["ConditionExpression"], body["ExpressionAttributeValues"][":seen"]
        return body

    update = dynamo.field_update
    patch.setattr(dynamo, "field_update", field_update)


def own_update_forgotten(patch: pytest.MonkeyPatch) -> None:
    """A row does not recognize its own change when it reads the license again."""

    def get_all(*args: Any) -> dict[Any, Any]:
        return {
            key: {name: value for name, value in item.items() if name != "applied_rows"}
            for key, item in read(*args).items()
        }

    read = batch.get_all
    patch.setattr(update_records, "get_all", get_all)


def own_update_overwritten(patch: pytest.MonkeyPatch) -> None:
    """A change by request also removes the row that had changed the license."""

    def change(*args: Any, **named: Any) -> list[dict[str, Any]]:
        writes = puts(*args, **named)
        for write in writes:
            write["Put"]["Item"].pop("applied_rows", None)
        return writes

    puts = licenses.license_changes
    patch.setattr(change_licenses, "license_changes", change)


def repeats_act(patch: pytest.MonkeyPatch) -> None:
    """Rows that repeat the key of an earlier row update its license too."""
    patch.setattr(import_repeats, "_repeated", lambda _: set())


def blank_cells_clear(patch: pytest.MonkeyPatch) -> None:
    """A blank cell removes the value of its field."""
    fields = row_updates._license_fields  # noqa: SLF001
    patch.setattr(row_updates, "_license_fields", lambda *row: {"note": None, **fields(*row)})


def cells_not_cleared(patch: pytest.MonkeyPatch) -> None:
    """A cell that clears a field is a blank cell."""

    def license_fields(*row: Any) -> dict[str, Any]:
        return {name: value for name, value in fields(*row).items() if value is not None}

    fields = row_updates._license_fields  # noqa: SLF001
    patch.setattr(row_updates, "_license_fields", license_fields)


def marker_kept(patch: pytest.MonkeyPatch) -> None:
    """A change of the features keeps what an import noted on the license."""

    def write(operations: list[dict[str, Any]]) -> bool:
        for each in operations:
            if "Update" in each:
                text = each["Update"]["UpdateExpression"]
                kept = text.replace(", changed_by, changed_from", "")
                each["Update"]["UpdateExpression"] = kept
        return whole(operations)

    whole = dynamo.write
    patch.setattr(dynamo, "write", write)


def unchanged_written(patch: pytest.MonkeyPatch) -> None:
    """A row writes its license although nothing differs."""

    def change(entry: Any, item: Any, *more: Any) -> Any:
        found = decide(entry, item, *more)
        later = datetime.fromisoformat(item["updated_at"]) + timedelta(microseconds=1)
        return found or row_updates.RowChange({"updated_at": later}, {})

    decide = row_updates.license_change
    patch.setattr(update_records, "license_change", change)


def deleted_and_listed(patch: pytest.MonkeyPatch) -> None:
    """A deleted license stays on the pages of its import."""
    patch.setattr(removals.Entries, "_remove_from_pages", lambda *_: None)


def deleted_with_its_key(patch: pytest.MonkeyPatch) -> None:
    """A deleted license keeps its key, so that no order can use it again."""

    def deletes(company: str, found: Any, **how: Any) -> Any:
        puts = delete(company, found, **how)
        for put, lic in zip(puts, found, strict=True):
            key = {"license_key": lic.license_key, "order_item_id": 1}
            put["Put"]["Item"] |= dynamo.to_item(key)
        return puts

    delete = licenses.license_deletes
    patch.setattr(delete_licenses, "license_deletes", deletes)
    patch.setattr(lookup, "is_deleted", lambda _: False)


def deleted_and_created_again(patch: pytest.MonkeyPatch) -> None:
    """A row of an import that runs again creates its deleted license again."""

    def get_all(*args: Any) -> Any:
        return {
            key: {**item, "made_by": ""} if "deleted_at" in item else item
            for key, item in read(*args).items()
        }

    read = batch.get_all
    patch.setattr(import_licenses, "get_all", get_all)


def deleted_and_settled_again(patch: pytest.MonkeyPatch) -> None:
    """A row of an import that runs again lists its deleted license again."""
    patch.setattr(import_licenses, "is_deleted", lambda _: False)


def deleted_while_imported(patch: pytest.MonkeyPatch) -> None:
    """A license is deleted while its import can still write it into lists."""

    def require_rest(company: str, number: int, _: str) -> Any:
        job = import_jobs.get_job(company, number)
        return import_jobs.unchanged_job(company, number, job)

    patch.setattr(delete_licenses, "require_rest", require_rest)
    read = removals.Entries.read
    patch.setattr(removals.Entries, "read", lambda *args: read(*args) or True)


def customer_deleted_under_an_order(patch: pytest.MonkeyPatch) -> None:
    """An order that reuses a customer does not see that the customer is deleted."""

    def count_order(*args: Any) -> Any:
        update = count(*args)
        del update["Update"]["ConditionExpression"]
        return update

    count = customers.count_order
    patch.setattr(order_writes, "count_order", count_order)


def customer_deleted_under_an_import(patch: pytest.MonkeyPatch) -> None:
    """Customers and orders are deleted while an import needs them."""
    patch.setattr(delete_orders, "require_all_at_rest", lambda *_: ([], None))


def deleted_orders_listed(patch: pytest.MonkeyPatch) -> None:
    """A deleted order stays on the page of its import."""
    patch.setattr(delete_orders, "pages_without", lambda *_: [])


def undo_of_changed_licenses(patch: pytest.MonkeyPatch) -> None:
    """An undo deletes a license that was changed after it was read."""

    def deletes(*args: Any, **how: Any) -> Any:
        puts = delete(*args, **how)
        for put in puts:
            del put["Put"]["ConditionExpression"], put["Put"]["ExpressionAttributeValues"]
        return puts

    delete = licenses.license_deletes
    patch.setattr(undo_licenses, "license_deletes", deletes)


def undo_under_an_order(patch: pytest.MonkeyPatch) -> None:
    """An undo deletes a customer without looking for orders that imports or requests made."""

    def deletes(*args: Any, **how: Any) -> Any:
        return delete(*args, **how)[:1]

    delete = customers.customer_deletes
    patch.setattr(delete_orders, "customer_deletes", deletes)
    patch.setattr(undo_orders, "counted_orders", lambda *_: 0)


def undo_leaves_entries(patch: pytest.MonkeyPatch) -> None:
    """An undone license stays on the pages of its import."""
    deleted_and_listed(patch)


def undo_next_to_imports(patch: pytest.MonkeyPatch) -> None:
    """Imports do not wait for an undo."""
    patch.setattr(import_csv, "is_held_back", lambda _: False)


def undo_of_the_last_changes(patch: pytest.MonkeyPatch) -> None:
    """An undo does not remember the rows that it has set back."""
    patch.setattr(undo_updates, "applied", lambda rows, _: [*rows])


def undo_not_compared_with_its_plan(patch: pytest.MonkeyPatch) -> None:
    """The commit of a dry run reverts whatever can be reverted now."""
    for name in ("may_revert", "may_remove"):
        patch.setattr(row_entries.Import, name, lambda *_: True)


def undo_of_orders_not_compared(patch: pytest.MonkeyPatch) -> None:
    """The commit of a dry run removes orders and customers that the dry run has kept."""
    patch.setattr(row_entries.Import, "may_remove", lambda *_: True)


def undo_of_batches_not_compared(patch: pytest.MonkeyPatch) -> None:
    """An undo lists what the first batch of an order knows, not what other batches have done."""
    patch.setattr(import_lifecycle, "correct_rows", lambda _: None)


def undo_trusts_its_plan(patch: pytest.MonkeyPatch) -> None:
    """The commit of a dry run does not look whether a license was changed since."""

    def decide(licenses: Any, stored: Any) -> Any:
        is_planned = licenses.job.planned is not None
        reason = (lambda _: None) if is_planned else license_reason
        patch.setattr(undo_licenses, "license_reason", reason)
        return decide_really(licenses, stored)

    decide_really = undo_licenses._Licenses._decide  # noqa: SLF001
    patch.setattr(undo_licenses._Licenses, "_decide", decide)  # noqa: SLF001


def undo_of_another_plan(patch: pytest.MonkeyPatch) -> None:
    """The commit of a dry run is answered with the undo that was begun without it."""

    def commit(company: str, number: int, plan_hash: str, **by: Any) -> Any:
        try:
            return commit_undo(company, number, plan_hash, **by)
        except import_job.WrongState:
            plan = import_jobs.get_job(company, number)
            job = plan and plan.undoes and import_jobs.get_job(company, plan.undoes)
            if not job or job.undone_by is None:
                raise
            return import_jobs.get_job(company, job.undone_by), True

    commit_undo = undo_import.commit_undo
    patch.setattr(job_status, "commit_undo", commit)


def plan_forgets_its_undo(patch: pytest.MonkeyPatch) -> None:
    """A dry run does not name the undo that commits it."""

    def add(undo: Any, job: Any, checks: Any, _: Any) -> bool:
        return add_undo(undo, job, checks, None)

    add_undo = import_jobs.add_undo
    patch.setattr(import_jobs, "add_undo", add)


def dry_run_of_an_undo_writes(patch: pytest.MonkeyPatch) -> None:
    """A dry run of an undo sets records back, as the undo does."""

    def restore(job: Any, entries: Any, done: Any, pool: Any, **_: Any) -> None:
        undo(job, entries, done, pool, dry_run=False)

    undo = undo_customers.undo_customers
    patch.setattr(undo_batch, "undo_customers", restore)


def licenses_not_named(patch: pytest.MonkeyPatch) -> None:
    """An order does not add its licenses to those of an existing user."""

    def user_writes(company: str, users: Any, assigned: Any, row: str | None = None) -> Any:
        new = {user.id for user in users}
        mine = {id: licenses for id, licenses in assigned.items() if id in new}
        return write(company, users, mine, row)

    write = customers.user_writes
    for module in (order_writes, pending_orders):
        patch.setattr(module, "user_writes", user_writes)


def assigned_while_deleted(patch: pytest.MonkeyPatch) -> None:
    """A user is deleted although it was assigned to a license meanwhile."""

    def replaced(item: Any, before: Any) -> Any:
        return dynamo.put(customers.TABLE, item, "updated_at = :before", before=before.updated_at)

    patch.setattr(customers, "_replaced_user", replaced)


def deleted_before_its_order(patch: pytest.MonkeyPatch) -> None:
    """A user is deleted while an order that names it is written in parts."""
    patch.setattr(delete_users, "_refuse_pending", lambda *_: None)


def checkpoint_lost(patch: pytest.MonkeyPatch) -> None:
    """A part of an export is stored without the position after it, and is read again."""

    def change_export(company: str, number: int, change: Any, **more: Any) -> Any:
        def changed(job: Any) -> Any:
            after = change(job)
            if not more.get("part") or after.completing:
                return after
            return after.model_copy(update={"place": job.place, "last_id": job.last_id})

        return changed_export(company, number, changed, **more)

    changed_export = export_jobs.change_export
    patch.setattr(run_export, "change_export", change_export)


def part_stored_twice(patch: pytest.MonkeyPatch) -> None:
    """A worker of an export continues although another one has its lease."""

    def change(worker: Any, change: Any, part: Any = None) -> Any:
        worker.job = export_jobs.change_export(
            worker.job.company, worker.job.number, change, part=part
        )
        return worker.job

    patch.setattr(run_export._Worker, "_change", change)  # noqa: SLF001  # the bug is inside
    patch.setattr(run_export, "heartbeat_export", lambda *_: True)


def cancelled_export_joined(patch: pytest.MonkeyPatch) -> None:
    """An export is cancelled while S3 joins its parts, and has a file nevertheless."""

    def cancel(job: Any, now: datetime) -> Any:
        if job.state == "cancelled":
            return job
        return export_job.transition(job, "cancelled", now=now)

    patch.setattr(export_jobs_api, "cancel", cancel)


def lost_exports_forgotten(patch: pytest.MonkeyPatch) -> None:
    """The sweeper does not start exports whose start was lost."""
    patch.setattr(sweep, "resume_exports", lambda _: ())


def part_left_out(patch: pytest.MonkeyPatch) -> None:
    """The last part of an export is not joined."""

    def stored(job: Any) -> Any:
        parts = export_jobs.parts_of_export(job)
        return parts[:-1] if len(parts) > 1 else parts

    patch.setattr(run_export, "parts_of_export", stored)


def repeats_say_created(patch: pytest.MonkeyPatch) -> None:
    """Each batch says that it has created a customer whom several batches name."""
    patch.setattr(import_lifecycle, "correct_rows", lambda _: None)


def committed_by_todays_catalog(patch: pytest.MonkeyPatch) -> None:
    """A commit decides by the catalog of today."""
    patch.setattr(import_lifecycle, "plan_of", lambda _: None)


def not_compared_with_the_plan(patch: pytest.MonkeyPatch) -> None:
    """A commit is an import like any other."""
    patch.setattr(import_chunk, "load_plan", lambda _: None)


def hash_without_options(patch: pytest.MonkeyPatch) -> None:
    """The hash of a plan is that of the file and its rows."""
    real = import_job.plan_hash_of

    def hashed(job: Any, *more: Any) -> str:
        plain = {"on_existing": "keep", "on_missing": "create", "on_error": "skip_row"}
        return real(job.model_copy(update=plain), *more)

    patch.setattr(import_plan, "plan_hash_of", hashed)


def committed_twice(patch: pytest.MonkeyPatch) -> None:
    """The import of a commit is written before the dry run names it."""

    def add(job: Any, plan: Any) -> bool:
        if not import_jobs.add_job(job):
            return False
        import_jobs.change_job(
            plan.company,
            plan.number,
            lambda current: current.model_copy(update={"committed_by": job.number}),
        )
        return True

    patch.setattr(import_plan, "add_commit", add)


def missing_rows_created(patch: pytest.MonkeyPatch) -> None:
    """A commit creates the records of rows that were planned to find theirs."""
    patch.setattr(row_entries.Import, "may_create", lambda *_: True)
    real = row_entries.Import.unplanned

    def unplanned(job: Any, row: int, outcome: str, ids: Any = ()) -> Any:
        return [] if outcome == "created" else real(job, row, outcome, ids)

    patch.setattr(row_entries.Import, "unplanned", unplanned)


def bundles_row_by_row(patch: pytest.MonkeyPatch) -> None:
    """Each license of a bundle is written in a transaction of its own."""
    real = row_bundles.RowBundles.units

    def units(self: Any, rows: Any) -> Any:
        return [[pair] for unit in real(self, rows) for pair in unit]

    patch.setattr(row_bundles.RowBundles, "units", units)
    patch.setattr(row_bundles.RowBundles, "linked", lambda _, licenses: licenses)


def users_not_assigned(patch: pytest.MonkeyPatch) -> None:
    """A license names users that exist, and these do not name it."""
    real = import_users.RowUsers._writes  # noqa: SLF001  # where the bug is

    def writes(*arguments: Any) -> Any:
        return [write for write in real(*arguments) if "Put" in write]

    patch.setattr(import_users.RowUsers, "_writes", writes)


def undo_of_assigned_users(patch: pytest.MonkeyPatch) -> None:
    """An undo deletes its import's users, even if they are assigned to other licenses."""

    def write(job: Any, item: Any, names: Any) -> Any:
        user = LicenseUser.model_validate(item)
        if names.isdisjoint(user.licenses):
            return None
        if not batch.is_ours(job, item):
            return "UpdateItem", customers.unassignment(job.company, user.id, names)["Update"]
        now = datetime.now(UTC)
        grave = customers.user_delete(job.company, user, token=job.undo_token, now=now)
        return "PutItem", grave["Put"]

    patch.setattr(undo_users, "_write", write)


def undo_leaves_users(patch: pytest.MonkeyPatch) -> None:
    """An undo leaves the users that its import has created."""
    patch.setattr(undo_licenses, "undo_users", lambda *_: None)


IN_ORDERS: tuple[Plant, ...] = (
    unconditional_put,
    own_write_refused,
    fingerprint_ignored,
    orphaned_licenses,
    catalog_unguarded,
    cross_company_key,
    users_taken_back,
    users_taken_over,
    commit_assumed,
    new_keys_each_time,
    key_logged,
)
IN_IMPORTS: tuple[Plant, ...] = (
    added_counters,
    stopped_never_counted,
    random_job_id,
    latest_version,
    statement_errors_swallowed,
    pages_named_by_time,
    pages_written_first,
    orders_listed_by_each_run,
    additions_in_two_writes,
    orders_replaced_whole,
    open_batches_forgotten,
    maker_forgotten,
    unescaped_report,
    half_validated,
    stopped_jobs_forgotten,
    pending_key_exists,
    other_ranges_ignored,
    batches_not_compared,
    later_version_dropped,
    strangers_imported,
    strangers_forgotten,
    repeats_say_created,
)
IN_CHANGES: tuple[Plant, ...] = (
    changes_unlocked,
    changes_one_by_one,
    features_unlocked,
    deleted_and_listed,
    deleted_with_its_key,
    deleted_and_created_again,
    deleted_and_settled_again,
    deleted_while_imported,
    customer_deleted_under_an_order,
    customer_deleted_under_an_import,
    deleted_orders_listed,
    licenses_not_named,
    assigned_while_deleted,
    deleted_before_its_order,
    updates_unlocked,
    own_update_forgotten,
    own_update_overwritten,
    repeats_act,
    blank_cells_clear,
    marker_kept,
    unchanged_written,
)
IN_EXPORTS: tuple[Plant, ...] = (
    checkpoint_lost,
    part_stored_twice,
    cancelled_export_joined,
    lost_exports_forgotten,
    part_left_out,
)
IN_PLANS: tuple[Plant, ...] = (
    committed_by_todays_catalog,
    not_compared_with_the_plan,
    hash_without_options,
    committed_twice,
    missing_rows_created,
)
IN_UPDATES: tuple[Plant, ...] = (repeats_act, blank_cells_clear, cells_not_cleared)
IN_UNDO: tuple[Plant, ...] = (
    undo_of_changed_licenses,
    undo_under_an_order,
    undo_leaves_entries,
    undo_next_to_imports,
    undo_of_the_last_changes,
    undo_not_compared_with_its_plan,
    undo_of_orders_not_compared,
    undo_of_batches_not_compared,
    undo_trusts_its_plan,
    undo_of_another_plan,
    plan_forgets_its_undo,
    dry_run_of_an_undo_writes,
)
IN_TOGETHER: tuple[Plant, ...] = (
    bundles_row_by_row,
    users_not_assigned,
    undo_of_assigned_users,
    undo_leaves_users,
)

PLANTED: tuple[tuple[str, Plant], ...] = (
    *(("orders", plant) for plant in IN_ORDERS),
    *(("imports", plant) for plant in IN_IMPORTS),
    *(("changes", plant) for plant in IN_CHANGES),
    *(("updates", plant) for plant in IN_UPDATES),
    *(("exports", plant) for plant in IN_EXPORTS),
    *(("undo", plant) for plant in IN_UNDO),
    *(("plans", plant) for plant in IN_PLANS),
    *(("together", plant) for plant in IN_TOGETHER),
)
"""Each planted bug with the kind of schedules that must show it."""


def _table_of(operation: dict[str, Any]) -> str:
    (part,) = operation.values()
    names = {dynamo.table(name): name for name in (licenses.TABLE,)}
    return names.get(part["TableName"], "")
