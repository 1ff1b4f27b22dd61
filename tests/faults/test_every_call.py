"""Every fault at every call of each use case; every pair of faults for one order."""

import os
import traceback
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from shared.store.dynamo import from_item
from tests.faults.check_imports import check_imports
from tests.faults.check_lists import check_lists
from tests.faults.check_orders import check_orders
from tests.faults.check_plans import check_plans
from tests.faults.check_undos import check_undos
from tests.faults.exports import Exporters, check_exports
from tests.faults.files import File, Row
from tests.faults.history import CUSTOMERS, licenses_of, rows_of
from tests.faults.imports import Importers
from tests.faults.laboratory import Laboratory
from tests.faults.orders import Clients
from tests.faults.plans import Planners
from tests.faults.undos import Sheet, Undoers
from tests.faults.world import EveryFault, FaultPlan

type Run = Callable[[FaultPlan], list[str]]
"""A run with these faults; returns the violations."""

USERS = [{"email": "u1@x.test"}, {"email": "u2@x.test"}]
ONE: dict[str, Any] = {"id": "o-1", "items": [{"product_code": "kp", "licenses": [{}]}]}
LARGE = {
    "id": "o-1",
    "customer": {"email": "ana@x.test"},
    "items": [
        {"product_code": "kp", "licenses": [{"key": "KEY-1"}, {}, {}]},
        {"product_code": "up", "licenses": [{"users": USERS}]},
    ],
}
FILE = File(
    "licenses",
    "license__license_key,product__short_code,license__note,order__store_id,customer__email\n"
    "IMP-1,kp,,o-1,ana@x.test\nIMP-2,nope,=1+1,,\nIMP-3,kp,,,\n",
    (
        Row(1, 2, ("IMP-1", "kp", "", "o-1", "ana@x.test"), ()),
        Row(2, 3, ("IMP-2", "nope", "=1+1", "", ""), ("unknown_product",)),
        Row(3, 4, ("IMP-3", "kp", "", "", ""), ()),
    ),
)
_SHARED = "n-" + 150 * "1"
DATED = File(
    "licenses",
    "license__license_key,product__short_code,order__store_id,order__created_at,customer__email\n"
    f"IMP-1,kp,{_SHARED},2020-03-01,ana@x.test\nIMP-2,kp,{_SHARED},,ben@x.test\n",
    (
        Row(1, 2, ("IMP-1", "kp", _SHARED, "2020-03-01", "ana@x.test"), ()),
        Row(2, 3, ("IMP-2", "kp", _SHARED, "", "ben@x.test"), ()),
    ),
)
"""The chunks of this file, written in any order, name one order at two times."""
QUANTITIES = (
    b"license__license_key,product__short_code,license__quantity,order__store_id,customer__email\n"
    b",kp,3,n-1,ben@x.test\n,nope,9,,\n,kp,2,,\n"
)


_TOGETHER = (
    "license__license_key,license__bundle_key,product__short_code,order__store_id,license__users\n"
)
_CELLS = (
    ("", "", "up", "n-1", "new@x.test*;owner@x.test"),
    ("B-1", "B-1", "bnd", "n-1", ""),
    ("B-1", "B-1", "p1", "n-1", ""),
    ("B-1", "B-1", "p2", "n-1", ""),
    ("", "", "up", "n-2", "new@x.test"),
)
TOGETHER = File(
    "licenses",
    _TOGETHER + "".join(f"{','.join(cells)}\n" for cells in _CELLS),
    tuple(Row(n, n + 1, cells, ()) for n, cells in enumerate(_CELLS, start=1)),
)
"""Licenses for a user that an order has created and for a new one, and a bundle."""


def ordered(lab: Laboratory, body: dict[str, Any], key: str | None = None) -> Run:
    def run(faults: FaultPlan) -> list[str]:
        world = lab.world(0)
        clients = Clients(lab, world)
        if body.get("append"):
            clients.repeat(clients.send("acme", ONE))
        world.fault_plan = faults
        clients.client("acme", body, key, tries=3)
        world.run()
        clients.recover()
        return check_orders(world, clients.watch, clients.sent, clients.crowd, lab)

    return run


def imported(lab: Laboratory, inline_bytes: str, file: File = FILE) -> Run:
    def run(faults: FaultPlan) -> list[str]:
        world = lab.world(0)
        os.environ["IMPORT_INLINE_BYTES"] = inline_bytes
        importers = Importers(lab, world)
        world.fault_plan = faults
        importers.put("acme/licenses/a.csv", file)
        world.run()
        importers.recover()
        return check_imports(importers)

    return run


def undone(
    lab: Laboratory, inline_bytes: str, file: File = FILE, *, is_planned: bool = False
) -> Run:
    def run(faults: FaultPlan) -> list[str]:
        world = lab.world(0)
        undoers = Undoers(lab, world)
        undoers.prepare()
        os.environ["IMPORT_INLINE_BYTES"] = inline_bytes
        number = undoers.bring_alone(Sheet("licenses", file.data))
        undoers.is_planned = is_planned
        if is_planned:
            undoers.plan_alone(number)
        world.fault_plan = faults
        world.calls = 0
        world.spawn("undoer", undoers.commit if is_planned else partial(undoers.undo, number))
        world.run()
        undoers.finish(number)
        return check_undos(undoers, number)

    return run


def copied(lab: Laboratory) -> Run:
    """An import of rows with quantities, by one function."""

    def run(faults: FaultPlan) -> list[str]:
        world = lab.world(0)
        os.environ["IMPORT_INLINE_BYTES"] = "1000000"
        undoers = Undoers(lab, world)
        world.fault_plan = faults
        sheet = Sheet("licenses", QUANTITIES, {"keys": "generate"})
        bring = world.spawn("importer", partial(undoers.bring, sheet))
        world.run()
        if (number := bring.result) is None:
            return ["the import was not requested"]
        undoers.end(number)
        found = [from_item(item) for item in licenses_of(world, "acme")]
        rows = Counter(lic["made_by"] for lic in found)
        counts = from_item(undoers.job(number)).get("counts", {})
        violations = [
            f"{what}: {here}, must be {wanted}"
            for what, here, wanted in (
                ("licenses", rows, {f"import {number}#1": 3, f"import {number}#3": 2}),
                ("keys", len({lic["license_key"] for lic in found}), 5),
                ("count", counts.get("created_licenses_count"), 5),
            )
            if here != wanted
        ]
        return [*violations, *check_lists(world, "acme")]

    return run


def together(lab: Laboratory) -> Run:
    """An import of licenses that are written with their users, and with those of their bundle."""

    def run(faults: FaultPlan) -> list[str]:
        world = lab.world(0)
        os.environ["IMPORT_INLINE_BYTES"] = "0"
        undoers = Undoers(lab, world)
        owner = {"product_code": "up", "licenses": [{"users": [{"email": "owner@x.test"}]}]}
        world.alone("shop", partial(undoers.shop.order, items=[owner]))
        torn: set[int] = set()

        def watch(*_: object) -> None:
            stored = map(from_item, licenses_of(world, "acme"))
            torn.add(sum(lic.get("license_key") == "B-1" for lic in stored))

        world.watchers.append(watch)
        world.calls, world.fault_plan = 0, faults
        bring = world.spawn("importer", partial(undoers.bring, Sheet("licenses", TOGETHER.data)))
        world.run()
        if (number := bring.result) is None:
            return ["the import was not requested"]
        undoers.end(number)
        counts = from_item(undoers.job(number)).get("counts", {})
        licenses = [*map(from_item, licenses_of(world, "acme"))]
        named: dict[str, set[str]] = {}
        for lic in licenses:
            for seat in lic.get("license_users", ()):
                named.setdefault(seat["email"], set()).add(str(lic["id"]))
        users = {
            user["email"]: {*user["licenses"]}
            for user in map(from_item, rows_of(world, CUSTOMERS, "acme"))
            if user["sk"].startswith("user#")
        }
        of_bundle = {lic["product_code"]: lic for lic in licenses if "license_key" in lic}
        bundle = of_bundle.get("bnd", {}).get("id")
        links = {code: lic.get("bundle_license_id") for code, lic in of_bundle.items()}
        violations = [
            f"{what}: {here}, must be {wanted}"
            for what, here, wanted in (
                ("licenses of users", users, named),
                ("licenses", sorted(map(len, named.values())), [2, 2]),
                ("bundle", links, {"bnd": None, "p1": bundle, "p2": bundle}),
                ("licenses of the bundle at any time", torn, {0, 3}),
                ("created", counts.get("created_licenses_count"), 5),
            )
            if here != wanted
        ]
        return [*violations, *check_lists(world, "acme")]

    return run


def committed(lab: Laboratory, inline_bytes: str) -> Run:
    """A dry run without faults, and its commit."""

    def run(faults: FaultPlan) -> list[str]:
        world = lab.world(0)
        os.environ["IMPORT_INLINE_BYTES"] = inline_bytes
        planners = Planners(lab, world)
        planners.dry_run(FILE)
        world.fault_plan = faults
        planners.commit()
        world.run()
        planners.importers.recover()
        planners.commit()
        world.run()
        planners.importers.recover()
        return check_plans(planners)

    return run


def exported(lab: Laboratory) -> Run:
    def run(faults: FaultPlan) -> list[str]:
        world = lab.world(0)
        exporters = Exporters(lab, world)
        exporters.stock_few()
        world.calls, world.fault_plan = 0, faults
        exporters.start("licenses", "ext-1")
        world.run()
        exporters.recover()
        return check_exports(exporters)

    return run


def violations_of(run: Run, faults: EveryFault) -> list[str]:
    """Run once without faults, and once with each; returns the violations of all runs."""
    try:
        violations = run(faults)
    except Exception:
        if faults.report is None:
            raise
        violations = [traceback.format_exc()]
    found = faults.end(violations)
    assert faults.branches
    return found


@pytest.mark.parametrize(
    ("body", "key"),
    [(ONE, None), (LARGE, None), (ONE | {"append": True}, "ik-1")],
    ids=["one", "large", "append"],
)
def test_any_fault_at_any_call_of_an_order(
    lab: Laboratory, body: dict[str, Any], key: str | None
) -> None:
    assert violations_of(ordered(lab, body, key), EveryFault()) == []


def test_any_two_faults_of_an_order_with_one_license(lab: Laboratory) -> None:
    assert violations_of(ordered(lab, ONE), EveryFault(depth=2)) == []


@pytest.mark.parametrize("inline_bytes", ["0", "1000000"], ids=["machine", "inline"])
def test_any_fault_at_any_call_of_an_import(lab: Laboratory, inline_bytes: str) -> None:
    assert violations_of(imported(lab, inline_bytes), EveryFault()) == []


def test_any_fault_at_any_call_of_an_import_of_orders_with_times(lab: Laboratory) -> None:
    assert violations_of(imported(lab, "0", DATED), EveryFault()) == []


def test_any_fault_at_any_call_of_the_undo_of_orders_with_times(lab: Laboratory) -> None:
    assert violations_of(undone(lab, "1000000", DATED), EveryFault()) == []


def test_any_fault_at_any_call_of_an_import_with_quantities(lab: Laboratory) -> None:
    assert violations_of(copied(lab), EveryFault()) == []


def test_any_fault_at_any_call_of_an_import_of_users_and_bundles(lab: Laboratory) -> None:
    assert violations_of(together(lab), EveryFault()) == []


def test_any_fault_at_any_call_of_the_undo_of_users_and_bundles(lab: Laboratory) -> None:
    assert violations_of(undone(lab, "1000000", TOGETHER), EveryFault()) == []


@pytest.mark.parametrize("part", range(2))
@pytest.mark.parametrize(
    ("inline_bytes", "is_planned"),
    [("0", False), ("1000000", True)],
    ids=["machine", "inline and planned"],
)
def test_any_fault_at_any_call_of_an_undo(
    lab: Laboratory, inline_bytes: str, is_planned: bool, part: int
) -> None:
    run = undone(lab, inline_bytes, is_planned=is_planned)

    assert violations_of(run, EveryFault(part=part, parts=2)) == []


@pytest.mark.parametrize("inline_bytes", ["0", "1000000"], ids=["machine", "inline"])
@pytest.mark.parametrize("part", range(2))
def test_any_fault_at_any_call_of_a_commit(lab: Laboratory, inline_bytes: str, part: int) -> None:
    assert violations_of(committed(lab, inline_bytes), EveryFault(part=part, parts=2)) == []


def test_any_fault_at_any_call_of_an_export(lab: Laboratory) -> None:
    assert violations_of(exported(lab), EveryFault()) == []


def test_a_violation_after_one_fault_is_reported_with_the_fault(lab: Laboratory) -> None:
    """In a run whose check claims that every response arrives."""

    def run(faults: FaultPlan) -> list[str]:
        world = lab.world(0)
        world.fault_plan = faults
        get = world.alone("reader", partial(lab.shops["acme"].get, "/products/"))
        return ["killed"] if get.error is not None else []

    found = violations_of(run, EveryFault())

    assert found
    assert all("killed before" in line for line in found)
