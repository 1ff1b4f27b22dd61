"""Every fault at every call of an order, an import and an export; every pair for one order."""

import os
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from tests.faults.check_imports import check_imports
from tests.faults.check_orders import check_orders
from tests.faults.check_plans import check_plans
from tests.faults.check_undos import check_undos
from tests.faults.exports import Exporters, check_exports
from tests.faults.files import File, Row
from tests.faults.imports import Importers
from tests.faults.laboratory import Laboratory
from tests.faults.orders import Clients
from tests.faults.plans import Planners
from tests.faults.undos import Sheet, Undoers
from tests.faults.world import FaultsAt

type Faults = dict[int, str]
type Run = Callable[[Faults], tuple[FaultsAt, list[str]]]

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


def ordered(lab: Laboratory, body: dict[str, Any], key: str | None = None) -> Run:
    def run(at: Faults) -> tuple[FaultsAt, list[str]]:
        world = lab.world(0)
        clients, fault_plan = Clients(lab, world), FaultsAt(at)
        if body.get("append"):
            clients.repeat(clients.send("acme", ONE))
        world.fault_plan = fault_plan
        clients.client("acme", body, key, tries=3)
        world.run()
        clients.recover()
        return fault_plan, check_orders(world, clients.watch, clients.sent, clients.crowd, lab)

    return run


def imported(lab: Laboratory, inline_bytes: str) -> Run:
    def run(at: Faults) -> tuple[FaultsAt, list[str]]:
        world = lab.world(0)
        os.environ["IMPORT_INLINE_BYTES"] = inline_bytes
        importers, fault_plan = Importers(lab, world), FaultsAt(at)
        world.fault_plan = fault_plan
        importers.put("acme/licenses/a.csv", FILE)
        world.run()
        importers.recover()
        return fault_plan, check_imports(importers)

    return run


def undone(lab: Laboratory, inline_bytes: str) -> Run:
    def run(at: Faults) -> tuple[FaultsAt, list[str]]:
        world = lab.world(0)
        undoers, fault_plan = Undoers(lab, world), FaultsAt(at)
        undoers.prepare()
        os.environ["IMPORT_INLINE_BYTES"] = inline_bytes
        number = undoers.bring_alone(Sheet("licenses", FILE.data))
        world.fault_plan = fault_plan
        world.calls = 0
        world.spawn("undoer", partial(undoers.undo, number))
        world.run()
        undoers.finish(number)
        return fault_plan, check_undos(undoers, number)

    return run


def committed(lab: Laboratory, inline_bytes: str) -> Run:
    """A dry run without faults, and its commit."""

    def run(at: Faults) -> tuple[FaultsAt, list[str]]:
        world = lab.world(0)
        os.environ["IMPORT_INLINE_BYTES"] = inline_bytes
        planners, fault_plan = Planners(lab, world), FaultsAt(at)
        planners.dry_run(FILE)
        world.fault_plan = fault_plan
        planners.commit()
        world.run()
        planners.importers.recover()
        planners.commit()
        world.run()
        planners.importers.recover()
        return fault_plan, check_plans(planners)

    return run


def exported(lab: Laboratory) -> Run:
    def run(at: Faults) -> tuple[FaultsAt, list[str]]:
        world = lab.world(0)
        exporters, fault_plan = Exporters(lab, world), FaultsAt({})
        exporters.stock_few()
        # Calls are counted from here, so that `at` names calls of the export.
        world.calls, fault_plan.at, world.fault_plan = 0, at, fault_plan
        exporters.start("licenses", "ext-1")
        world.run()
        exporters.recover()
        return fault_plan, check_exports(exporters)

    return run


def every_fault(run: Run, before: Faults) -> Iterator[Faults]:
    """Yield `before` with one more fault, for every fault at every later call."""
    fault_plan, violations = run(before)
    assert not violations, (before, violations)
    for number, faults in fault_plan.met:
        if number > max(before, default=0):
            yield from (before | {number: fault} for fault in faults)


def holds(run: Run, faults: Faults) -> None:
    _, violations = run(faults)
    assert not violations, (faults, violations)


@pytest.mark.parametrize(
    ("body", "key"),
    [(ONE, None), (LARGE, None), (ONE | {"append": True}, "ik-1")],
    ids=["one", "large", "append"],
)
def test_any_fault_at_any_call_of_an_order(
    lab: Laboratory, body: dict[str, Any], key: str | None
) -> None:
    run = ordered(lab, body, key)

    for faults in every_fault(run, {}):
        holds(run, faults)


@pytest.mark.parametrize("part", range(4))
def test_any_two_faults_of_an_order_with_one_license(lab: Laboratory, part: int) -> None:
    run = ordered(lab, ONE)

    for first in list(every_fault(run, {}))[part::4]:
        for faults in every_fault(run, first):
            holds(run, faults)


@pytest.mark.parametrize("inline_bytes", ["0", "1000000"], ids=["machine", "inline"])
@pytest.mark.parametrize("part", range(2))
def test_any_fault_at_any_call_of_an_import(lab: Laboratory, inline_bytes: str, part: int) -> None:
    run = imported(lab, inline_bytes)

    for faults in list(every_fault(run, {}))[part::2]:
        holds(run, faults)


@pytest.mark.parametrize("inline_bytes", ["0", "1000000"], ids=["machine", "inline"])
@pytest.mark.parametrize("part", range(2))
def test_any_fault_at_any_call_of_an_undo(lab: Laboratory, inline_bytes: str, part: int) -> None:
    run = undone(lab, inline_bytes)

    for faults in list(every_fault(run, {}))[part::2]:
        holds(run, faults)


@pytest.mark.parametrize("inline_bytes", ["0", "1000000"], ids=["machine", "inline"])
@pytest.mark.parametrize("part", range(2))
def test_any_fault_at_any_call_of_a_commit(lab: Laboratory, inline_bytes: str, part: int) -> None:
    run = committed(lab, inline_bytes)

    for faults in list(every_fault(run, {}))[part::2]:
        holds(run, faults)


@pytest.mark.parametrize("part", range(2))
def test_any_fault_at_any_call_of_an_export(lab: Laboratory, part: int) -> None:
    run = exported(lab)

    for faults in list(every_fault(run, {}))[part::2]:
        holds(run, faults)
