"""Schedules of concurrent changes of the same licenses, by every operation that changes one.

Each writer owns one attribute of the licenses and sets it to new values, one after another. So the
attribute must have the last value that was acknowledged, or a later one whose response was lost.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions import sweep
from tests.faults.check_changes import check_changes
from tests.faults.history import Watch
from tests.faults.laboratory import COMPANIES, Laboratory
from tests.faults.machine import Machine
from tests.faults.orders import fault_plan
from tests.faults.updates import Updates
from tests.faults.world import Actor, World
from tests.functions.shop import Shop
from tests.http_event import Reply

COMPANY = COMPANIES[0]
KEYS = ("KEY-1", "KEY-2")
FEATURES = ("f1", "f2")
_SKEWS = (0, 0, 0, 5, -5, 400, -400)
_TRIES = 3

type Send = Callable[[Any], Reply]


@dataclass
class Written:
    """The values that one writer gave an attribute, in order, and which were acknowledged."""

    licenses: tuple[int, ...]
    name: str
    """The attribute, or the e-mail of a user, who is assigned or not."""
    before: Any
    values: list[tuple[Any, bool]] = field(default_factory=list)

    @property
    def possible(self) -> list[Any]:
        """The values that the attribute may have now."""
        after: list[Any] = [self.before]
        for value, acknowledged in self.values:
            after = [value] if acknowledged else [*after, value]
        return after


@dataclass
class Changers:
    """The writers of a schedule, and the responses that each got."""

    lab: Laboratory
    world: World
    licenses: list[dict[str, Any]] = field(default_factory=list)
    written: list[Written] = field(default_factory=list)
    assigned: dict[str, Written] = field(default_factory=dict)
    crowd: list[Actor] = field(default_factory=list)
    watch: Watch = field(init=False)
    machine: Machine = field(init=False)
    updates: Updates = field(init=False)

    def __post_init__(self) -> None:
        self.machine, self.watch = Machine(self.world), Watch(self.world)
        self.updates = Updates(self)

    @property
    def shop(self) -> Shop:
        return self.lab.shops[COMPANY]

    def place_orders(self) -> None:
        """Create the licenses to change: two of an order, and one of a user-based product."""
        items = [
            {"product_code": "kp", "licenses": [{"key": key} for key in KEYS]},
            {"product_code": "up", "licenses": [{"users": [{"email": "owner@x.test"}]}]},
        ]
        placed = self.world.alone("customer", partial(self.shop.order, id="o-1", items=items))
        assert placed.result.status == 200, placed.result.text
        by_product = placed.result.json()["order_items"]
        self.licenses = [lic for item in by_product for lic in item["licenses"]]

    def begin(self, what: str) -> None:
        """Start a writer."""
        rng, world = self.world.rng, self.world
        all_ids = tuple(lic["id"] for lic in self.licenses)
        one = rng.choice(self.licenses[:2])
        path = f"/licenses/{one['id']}/"
        match what:
            case "update":
                name = rng.choice(("note", "start_date"))
                values = self._texts() if name == "note" else [f"2027-01-0{n}" for n in range(1, 4)]
                send = partial(self._patch, path, name)
                self._writer(what, (one["id"],), name, values, send)
            case "metadata":
                send = partial(self._patch, path, "metadata")
                self._writer(what, (one["id"],), "metadata", [{"at": n} for n in range(3)], send)
            case "bulk update":
                self._writer(what, all_ids, "subscription_id", self._texts(), self._bulk_update)
            case "enable":
                self._writer(what, (one["id"],), "enabled", [False, True, False], self._enable(one))
            case "disable":
                self._writer(what, all_ids, "enabled", [False], self._bulk_disable)
            case "policy":
                self._writer(what, (one["id"],), "max_activations", [7, 8, 9], self._policy(path))
            case "assign":
                self._assign()
            case "features":
                rows = "".join(f"{key},{code}\n" for key in KEYS for code in FEATURES)
                name = f"{COMPANY}/license-features/{rng.random()}.csv"
                world.s3.put(name, f"license_key,code\n{rows}".encode())
            case "import":
                header = "license__license_key,product__short_code,order__store_id\n"
                rows = "".join(f"{key},kp,o-1\n" for key in (*KEYS, "OWN-1"))
                world.s3.put(f"{COMPANY}/licenses/{rng.random()}.csv", (header + rows).encode())
            case "update import":
                self.updates.begin(KEYS)
            case "append":
                items = [{"product_code": "kp", "licenses": [{}]}]
                self._act(what, partial(self.shop.order, id="o-1", append=True, items=items))
            case "sweep":
                self._act(what, partial(sweep.handler, {}, LambdaContext()), company=None)

    def recover(self) -> None:
        """Stop all faults, and let the sweeper complete open batches."""
        self.world.calm()
        for _ in range(3):
            self.world.pass_time(3600)
            self._act("sweep", partial(sweep.handler, {}, LambdaContext()), company=None)
            self.world.run()

    def _texts(self) -> list[str]:
        return [f"{self.world.rng.random()}" for _ in range(3)]

    def _patch(self, path: str, name: str, value: Any) -> Reply:
        return self.shop.patch(path, {name: value})

    def _bulk_update(self, value: Any) -> Reply:
        body = [{"id": lic["id"], "subscription_id": value} for lic in self.licenses]
        return self.shop.patch("/licenses/bulk_update/", body)

    def _bulk_disable(self, _: Any) -> Reply:
        body = {"license_ids": [lic["id"] for lic in self.licenses]}
        return self.shop.post("/licenses/disable_bulk/", body)

    def _enable(self, lic: dict[str, Any]) -> Send:
        verbs = {True: "enable", False: "disable"}
        return lambda value: self.shop.post(f"/licenses/{lic['id']}/{verbs[value]}/")

    def _policy(self, path: str) -> Send:
        return lambda value: self.shop.post(
            f"{path}apply_policy/", {"policy_code": "policy_A", "max_activations": value}
        )

    def _writer(
        self, what: str, ids: tuple[int, ...], name: str, values: list[Any], send: Send
    ) -> None:
        """Set an attribute to one value after another, unless another writer owns it."""
        if any(each.name == name and {*each.licenses} & {*ids} for each in self.written):
            return
        before = next(lic for lic in self.licenses if lic["id"] == ids[0])[name]
        written = Written(ids, name, before)
        self.written.append(written)

        def write() -> None:
            for value in values:
                written.values.append((value, self._insist(what, partial(send, value))))

        self.world.spawn(f"writer of {name}", write)

    def _assign(self) -> None:
        """Assign users of its own, at once or one by one, and unassign some of the latter."""
        rng = self.world.rng
        lic = self.licenses[2]
        emails = [f"u{rng.random()}@x.test" for _ in range(3)]
        for email in emails:
            self.assigned[email] = Written((lic["id"],), email, before=False)

        def write_at_once() -> None:
            body = {"emails": [{"email": email} for email in emails]}
            path = f"/licenses/{lic['id']}/assign_users/"
            known = self._insist("assign several", partial(self.shop.post, path, body))
            for email in emails:
                self.assigned[email].values.append((True, known))

        def write() -> None:
            for email in emails:
                for verb in ("assign", "unassign") if rng.random() < 0.3 else ("assign",):
                    act = partial(
                        self.shop.post,
                        f"/licenses/{lic['id']}/{verb}_user/",
                        {"email": email},
                    )
                    known = self._insist(verb, act)
                    self.assigned[email].values.append((verb == "assign", known))

        at_once = rng.random() < 0.5
        self.world.spawn("writer of users", write_at_once if at_once else write)

    def _insist(self, what: str, act: Callable[[], Reply]) -> bool:
        """Send a request until there is a response; returns whether it was acknowledged."""
        for _ in range(_TRIES):
            actor = self._act(what, act, skew=self.world.rng.choice(_SKEWS))
            while not actor.done:
                self.world.wait()
            if actor.error is None and actor.result.status < 500:
                return bool(actor.result.status == 200)
            self.world.pass_time(1)
        return False

    def _act(self, name: str, act: Any, *, company: str | None = COMPANY, skew: float = 0) -> Actor:
        actor = self.world.spawn(name, act, company=company, skew=skew)
        self.crowd.append(actor)
        return actor


_WRITERS = (
    *("update", "update", "metadata", "bulk update", "enable", "disable", "policy", "assign"),
    *("features", "import", "append", "sweep"),
    *("update import", "update import", "update import"),
)


def change(lab: Laboratory, seed: int) -> tuple[World, list[str]]:
    """Run one schedule; returns its world and the violations."""
    world = lab.world(seed)
    run, rng = Changers(lab, world), world.rng
    run.place_orders()
    world.fault_plan = fault_plan(rng)
    for what in random.Random(seed).sample(_WRITERS, rng.randint(2, 5)):
        run.begin(what)
    if rng.random() < 0.1:
        world.blackout = world.calls + rng.randrange(3, 60)
    world.run()
    run.recover()
    return world, check_changes(run)
