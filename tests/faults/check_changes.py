"""Check the promises about changed licenses of docs/reliability.md after faults have stopped."""

import base64
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from shared.store import dynamo
from shared.store.newest_first import unpacked
from tests.faults.check_lists import check_lists
from tests.faults.check_orders import stored
from tests.faults.history import CUSTOMERS, IMPORTS, LICENSES, ORDERS, licenses_of, rows_of

if TYPE_CHECKING:
    from tests.faults.changes import Changers

_ONE = [{"product_code": "kp", "licenses": [{}]}]
_CUSTOMER = {"email": "ana@x.test"}


def check_changes(run: "Changers") -> list[str]:
    """Return the violations of O13 and O14, and of the promises about orders and lists."""
    found = list(run.watch.violations)
    company = run.shop.company
    found_views = ((lic["id"], _view(run, lic["id"])) for lic in run.licenses)
    views = {id: view for id, view in found_views if view is not None}
    found += _deleted(run)
    found += _unassigned(run)
    found += _lost(run, views)
    found += _half(run, views)
    found += _features(run, views)
    found += stored(run.world, company, unfinished=set())
    found += check_lists(run.world, company)
    found += _free(run)
    found += _cleaned(run)
    found += stored(run.world, company, unfinished=set())
    found += run.updates.check()
    return found


def _view(run: "Changers", id: int) -> dict[str, Any] | None:
    """A license; None if it was deleted."""
    read = run.world.alone("auditor", lambda: run.shop.get(f"/licenses/{id}/")).result
    view: dict[str, Any] = read.json()
    return view if read.status == 200 else None


def _deleted(run: "Changers") -> Iterator[str]:
    """O14: a deleted license is in no order and no list, and nothing creates it again."""
    company = run.shop.company
    stored = rows_of(run.world, LICENSES, company)
    tombstones = [item for item in stored if "deleted_at" in item]
    there = [item for item in stored if "deleted_at" not in item]
    gone = {int(item["pk"]["S"].partition("#")[2]) for item in tombstones}
    for id in run.deleted.keys() - gone:
        yield f"O14 license {id} was deleted, and exists"
    for id in {lic["id"] for lic in run.licenses} - gone - {int(lic["id"]["N"]) for lic in there}:
        yield f"O14 license {id} has neither a record nor a tombstone"
    made = {item["made_by"]["S"] for item in tombstones if "made_by" in item}
    for lic in there:
        if lic.get("made_by", {}).get("S") in made:
            yield f"O14 license {lic['id']['N']} was created again by {lic['made_by']['S']}"
    for row in rows_of(run.world, ORDERS, company):
        if left := gone & set(_listed_in(dynamo.from_item(row))):
            yield f"O14 {row['pk']['S']} {row['sk']['S']} has the deleted licenses {sorted(left)}"


def _unassigned(run: "Changers") -> Iterator[str]:
    """O14: no license names a deleted user."""
    company = run.shop.company
    users = {
        item["sk"]["S"].partition("#")[2]
        for item in rows_of(run.world, CUSTOMERS, company)
        if item["sk"]["S"].startswith("user#") and "deleted_at" not in item
    }
    for lic in licenses_of(run.world, company):
        for seat in lic.get("license_users", {}).get("L", ()):
            if seat["M"]["user_id"]["N"] not in users:
                email = seat["M"]["email"]["S"]
                yield f"O14 license {lic['id']['N']} names {email}, who was deleted"


def _cleaned(run: "Changers") -> Iterator[str]:
    """O14: deleted orders and customers are gone, and their names are free."""
    for deleted in sorted(run.deleted_others):
        path = deleted.removesuffix("safe_delete/")
        read = run.world.alone("auditor", partial(run.shop.get, path)).result
        if read.status != 404:
            yield f"O14 {path} was deleted, and is {read.status}"
    for store_id in ("o-1", "o-2"):
        place = partial(run.shop.order, id=store_id, items=_ONE, append=True, customer=_CUSTOMER)
        reply = run.world.alone("customer", place).result
        if reply.status != 200:
            yield f"O14 an order {store_id} got {reply.status}: {reply.text[:200]}"


def _listed_in(row: dict[str, Any]) -> Iterator[int]:
    """The ids of licenses in a row of an order or on a page."""
    for item in row.get("items", ()):
        yield from item["license_ids"]
    if "ids" in row and not row["sk"].startswith("orders#"):
        yield from unpacked(base64.b64decode(row["ids"]))


def _free(run: "Changers") -> Iterator[str]:
    """O14: the key of a deleted license can be used again, unless another license has it."""
    licenses = licenses_of(run.world, run.shop.company)
    held = {item["license_key"]["S"] for item in licenses if "license_key" in item}
    for key, reply in run.reuse_keys().items():
        if reply.status != (409 if key in held else 200):
            yield f"O14 an order of the deleted key {key} got {reply.status}: {reply.text[:200]}"


def _lost(run: "Changers", views: dict[int, dict[str, Any]]) -> Iterator[str]:
    """O13: every attribute has the last acknowledged value, or a later unanswered one."""
    for written in run.written:
        for id in written.licenses:
            if id in views and views[id].get(written.name) not in written.possible:
                is_not = f"is {views[id].get(written.name)!r}, not one of {written.possible}"
                yield f"O13 {written.name} of license {id} {is_not}"
    for email, written in run.assigned.items():
        (id,) = written.licenses
        if id not in views:
            continue
        emails = {ref["true_email"] for ref in views[id]["license_users"]}
        if (email in emails) not in written.possible:
            yield f"O13 {email} is {'' if email in emails else 'not '}assigned: {written.values}"


def _half(run: "Changers", views: dict[int, dict[str, Any]]) -> Iterator[str]:
    """O13: several licenses of one request are changed all or none."""
    for written in run.written:
        values = {str(views[id].get(written.name)) for id in written.licenses if id in views}
        if len(values) > 1:
            yield f"O13 {written.name} of one request differs between its licenses: {values}"


def _features(run: "Changers", views: dict[int, dict[str, Any]]) -> Iterator[str]:
    """O13: an import's features are on the licenses, unless a policy has replaced them."""
    jobs = rows_of(run.world, IMPORTS, run.shop.company)
    if not any(
        job.get("kind", {}).get("S") == "license-features" and job["state"]["S"] == "succeeded"
        for job in jobs
        if job["sk"]["S"].startswith("job#") and int(job["number"]["N"]) not in run.updates.files
    ):
        return
    by_policy = [each for each in run.written if each.name == "max_activations"]
    replaced = {id for each in by_policy for id in each.licenses}
    for lic in (lic for lic in run.licenses[:2] if lic["id"] in views.keys() - replaced):
        grants = views[lic["id"]]["product_features"]
        codes = {grant["product_feature"]["code"] for grant in grants}
        if not {"f1", "f2"} <= codes:
            yield f"O13 license {lic['id']} has the features {sorted(codes)}, after their import"
