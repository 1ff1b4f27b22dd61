"""Schedules of undos, and the clients that interfere with them."""

import random
from collections.abc import Sequence
from functools import partial
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions import sweep
from shared.store.dynamo import from_item
from tests.faults.check_undos import check_undos
from tests.faults.history import LICENSES
from tests.faults.laboratory import Laboratory
from tests.faults.orders import fault_plan
from tests.faults.undos import OLD_ORDER, PATIENCE, PEOPLE, Undoers
from tests.faults.world import World

_JUST = 4
"""Calls in which what an import has read is read just now."""


class Rivals(Undoers):
    """Clients that change what is undone meanwhile."""

    def interfere(self, what: str, number: int) -> None:
        """Start a client that interferes with the undo of an import."""
        rng = self.world.rng
        if what not in _HARMLESS:
            self.is_alone = False
        act: Any = {
            "again": self._repeat_undo(number),
            "plan": partial(self.plan_and_commit, number),
            "look": partial(self.plan, number),
            "patch": self._change_some,
            "append": partial(self._append, rng.choice(("n-1", "n-2", OLD_ORDER))),
            "order": partial(self._buy, rng.choices(PEOPLE, k=6)),
            "delete": self._delete_some,
            "import": partial(self.bring, self._licenses()),
            "features": partial(self.bring, self.sheet()),
            "cancel": partial(self._about_soon, "cancel"),
            "retry": partial(self._about_import, number, "retry"),
        }.get(what)
        if what == "sweep":
            self._act(what, partial(sweep.handler, {}, LambdaContext()), company=None)
        elif what == "race":
            self.world.spawn(what, self._change_what_is_read)
        else:
            delays = [self._later, self._while_running]
            delays += [self._once_planned] if self.is_planned else []
            self.world.spawn(what, partial(rng.choice(delays), rng.randrange(60), act))

    def _while_running(self, turns: int, act: Any) -> None:
        """Act some turns after an undo has begun to write."""
        for _ in range(PATIENCE):
            if self._imports_in("running"):
                break
            self.world.wait()
        self._later(turns, act)

    def _change_what_is_read(self) -> None:
        """Change licenses that an undo has just read; order for customers without other orders."""
        me, rng = self.world.current, self.world.rng
        assert me is not None
        for _ in range(PATIENCE):
            self.world.wait()
            if rng.random() < 0.5 or not self._is_undoing():
                continue
            me.hurries = True
            if id := self._license_read():
                body = {"note": str(self.world.time)}
                self.shop.patch(f"/licenses/{id}/", body)
            elif self.world.journal[-1].endswith("dynamodb Query"):
                self._order_at_once(rng.choice(PEOPLE))
            me.hurries = False

    def _is_undoing(self) -> bool:
        return any(self.job(undo)["state"]["S"] == "running" for undo in self.undos())

    def _order_at_once(self, email: str) -> None:
        items = [{"product_code": "kp", "licenses": [{}]}]
        name = f"r-{self.world.calls}"
        self.shop.order(id=name, items=items, customer={"email": email})

    def _license_read(self) -> str | None:
        """Return the id of a license that an import or undo has read just now."""
        return next(
            (
                key[0].partition("#")[2]
                for actor in self.world.actors
                if actor.name.startswith("import-csv")
                for (name, key), number in actor.reads.items()
                if name == LICENSES and number > self.world.calls - _JUST
            ),
            None,
        )

    def _once_planned(self, turns: int, act: Any) -> None:
        """Act some turns after a dry run has ended."""
        for _ in range(PATIENCE):
            if self.plans:
                break
            self.world.wait()
        self._later(turns, act)

    def _repeat_undo(self, number: int) -> Any:
        """The request of another client for what is undone already."""
        is_plain = not self.is_planned or self.world.rng.random() < 0.3
        return partial(self.undo, number) if is_plain else self.commit

    def _later(self, turns: int, act: Any) -> None:
        for _ in range(turns):
            self.world.wait()
        act()

    def _some(self) -> list[dict[str, Any]]:
        found = self._ask("/licenses/?limit=100")
        return [lic for lic in found if str(lic["license_key"])[:3] in ("IMP", "OLD")]

    def _change_some(self) -> None:
        for lic in self._some()[:3]:
            body = {"note": str(self.world.rng.random())}
            self._insist("patch", partial(self.shop.patch, f"/licenses/{lic['id']}/", body))
        for customer in self._ask("/customers/")[:1]:
            body = {"phone": str(self.world.rng.random())}
            self._insist("patch", partial(self.shop.patch, f"/customers/{customer['id']}/", body))

    def _delete_some(self) -> None:
        for lic in self._some()[:2]:
            self._drop(f"/licenses/{lic['id']}/")

    def _append(self, store_id: str) -> None:
        items = [{"product_code": "kp", "licenses": [{}]}]
        self._insist("append", partial(self.shop.order, id=store_id, append=True, items=items))

    def _buy(self, emails: Sequence[str]) -> None:
        """Place an order for each of these customers, so that some meet their deletion."""
        items = [{"product_code": "kp", "licenses": [{}]}]
        for email in emails:
            name = f"b-{self.world.rng.random()}"
            order = partial(self.shop.order, id=name, items=items, customer={"email": email})
            self._insist("order", order)

    def _about_soon(self, action: str) -> None:
        """Send a request about the first undo as soon as it exists."""
        for _ in range(PATIENCE):
            if undos := self.undos():
                self._later(self.world.rng.randrange(60), lambda: None)
                self._about_import(undos[0], action)
                return
            self.world.wait()


_HARMLESS = ("again", "plan", "look", "sweep")
"""What changes no record but by the undo."""
_INTERFERENCE = (
    *("again", "again", "look", "sweep", "patch", "patch", "append", "append", "order", "order"),
    *("delete", "import", "import", "features", "cancel", "cancel", "retry", "plan"),
)


def _is_undoable(job: dict[str, Any]) -> bool:
    """Whether an import has written something, or may have."""
    if "rows" not in job or job["state"]["S"] == "rejected":
        return False
    counts = from_item(job).get("counts", {})
    written = any(n for name, n in counts.items() if name.startswith(("created_", "updated_")))
    return written or job["state"]["S"] in ("cancelled", "failed")


def undo(lab: Laboratory, seed: int) -> tuple[World, list[str]]:
    """Run one schedule; returns its world and the violations."""
    world = lab.world(seed)
    return world, undo_beside(Rivals(lab, world), seed)


def undo_beside(run: Rivals, seed: int) -> list[str]:
    """Import a file and undo it, next to its rivals; returns the violations."""
    world, rng = run.world, run.world.rng
    run.prepare()
    sheet = run.sheet()
    is_stopped = rng.random() < 0.25
    if is_stopped:
        world.fault_plan = fault_plan(rng)
        run.world.spawn("canceller", run._cancel_running)  # noqa: SLF001  # of the base class
    number = world.alone("importer", partial(run.bring, sheet)).result
    world.run()
    if number is None:
        return run.seen.violations
    if is_stopped:
        world.calm()
        run._rounds()  # noqa: SLF001
    job = run.job(number)
    if not _is_undoable(job):
        return run.seen.violations
    made = random.Random(seed)
    run.is_planned = made.random() < 0.7
    if run.is_planned:
        made.choice((run.plan_alone, run.plan_next_to_orders, lambda _: None, lambda _: None))(
            number
        )
    world.fault_plan = fault_plan(rng)
    how = run.plan_and_commit if run.is_planned else run.undo
    world.spawn("undoer", run.commit if run.plans else partial(how, number))
    is_quiet = made.random() < 0.3
    some = _HARMLESS if is_quiet else _INTERFERENCE
    for what in made.sample(some, made.randint(0, min(4, len(some)))):
        run.interfere(what, number)
    if not is_quiet and made.random() < 0.6:
        run.interfere("race", number)
    if rng.random() < 0.15:
        world.blackout = world.calls + rng.randrange(3, 80)
    world.run()
    run.finish(number)
    return check_undos(run, number)
