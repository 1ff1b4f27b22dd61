"""Schedules of concurrent changes of the same licenses, by every operation that changes one.

Each writer owns one attribute of the licenses and sets it to new values, one after another. So the
attribute must have the last value that was acknowledged, or a later one whose response was lost.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions import job_status, sweep
from tests.faults.check_changes import check_changes
from tests.faults.dynamodb import Write
from tests.faults.history import IMPORTS, LICENSES, Watch, licenses_of
from tests.faults.laboratory import COMPANIES, Laboratory
from tests.faults.machine import Machine
from tests.faults.orders import fault_plan
from tests.faults.updates import Updates
from tests.faults.world import Actor, NoFaults, World
from tests.functions.shop import Shop
from tests.http_event import Reply, send

COMPANY = COMPANIES[0]
KEYS = ("KEY-1", "KEY-2")
OWN_KEYS = ("OWN-1", "OWN-2", "OWN-3", "OWN-4")
"""Keys that only imports create."""
CUSTOMER = {"email": "ana@x.test"}
ORDERS = ("o-1", "o-2")
"""The order that exists, and one that imports create."""
FEATURES = ("f1", "f2")
USERS = ("owner@x.test", "shared@x.test")
"""Users whom orders name, and who are deleted."""
_LARGE = 60
"""Licenses of users that do not fit into one transaction."""
_SKEWS = (0, 0, 0, 5, -5, 400, -400)
_TRIES = 3
_PATIENCE = 500
"""Turns to wait for an import."""

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
    deleted: dict[int, str] = field(default_factory=dict)
    """The keys of licenses whose deletion was acknowledged; blank if one has none."""
    deleted_others: set[str] = field(default_factory=set)
    """The paths of orders and customers whose deletion was acknowledged."""
    crowd: list[Actor] = field(default_factory=list)
    watch: Watch = field(init=False)
    machine: Machine = field(init=False)
    updates: Updates = field(init=False)

    def __post_init__(self) -> None:
        self.machine, self.watch = Machine(self.world), Watch(self.world)
        self.updates = Updates(self)
        self.world.watchers.append(self._hear)

    def _hear(self, actor: Actor | None, writes: list[Write]) -> None:
        """O13: a request for several licenses writes all of them in one transaction."""
        if actor is None or actor.name != "bulk update":
            return
        written = [write.key for write in writes if write.table == LICENSES]
        if 0 < len(written) < len(self.licenses):
            self.watch.violations.append(f"O13 a bulk update wrote only {written}")

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
        rng = self.world.rng
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
            case "assign others":
                self._assign_others()
            case "update import":
                self.updates.begin(KEYS)
            case _:
                self._begin_other(what)

    def _begin_other(self, what: str) -> None:
        """Start a client that changes no license, or the sweeper."""
        rng = self.world.rng
        match what:
            case "sweep":
                self._act(what, partial(sweep.handler, {}, LambdaContext()), company=None)
            case "append":
                items = [{"product_code": "kp", "licenses": [{}]}]
                self._act(what, partial(self.shop.order, id="o-1", append=True, items=items))
            case "order":
                self._place(rng.choice(("o-3", "o-4")))
            case "clean up":
                self.world.spawn("cleaner", partial(self._clean_up, rng.choice(ORDERS)))
            case "delete":
                self._delete(rng.choice((*KEYS, *OWN_KEYS)))
            case "delete user":
                self.world.spawn("deleter", partial(self._delete_user, rng.choice(USERS)))
            case "order of users":
                self._orders_of_users(rng.choice(("o-6", "o-7")))
            case _:
                self._begin_import(what)

    def _begin_import(self, what: str) -> None:
        """Put a file into the bucket."""
        if what == "features":
            rows = "".join(f"{key},{code}\n" for key in KEYS for code in FEATURES)
            name = f"{COMPANY}/license-features/{self.world.rng.random()}.csv"
            self.world.s3.put(name, f"license_key,code\n{rows}".encode())
            return
        self._import()
        if what == "stopped import":
            self.world.spawn("canceller", self._cancel_running)

    def recover(self) -> None:
        """Stop all faults, and let the sweeper complete open batches.

        Imports that were stopped run again, after some of their licenses were deleted.
        """
        world = self.world
        world.calm()
        self._sweep()
        if stopped := self._imports_in("cancelled", "failed"):
            world.fault_plan = fault_plan(world.rng)
            self._delete(*world.rng.sample(OWN_KEYS, 2), then=stopped)
            world.run()
            world.calm()
            for number in self._imports_in("cancelled", "failed"):
                world.alone("operator", partial(self._about_import, number, "retry"))
            self._sweep()
        if world.rng.random() < 0.5:
            self._clean_up_all()

    def _clean_up_all(self) -> None:
        """Delete all orders, and then the customer while it is used again."""
        world, rng = self.world, self.world.rng
        for plan in (fault_plan(rng), NoFaults()):
            world.fault_plan = plan
            for order in (*ORDERS, "o-3", "o-4"):
                world.spawn("cleaner", partial(self._clean_up, order, then_customer=False))
            world.run()
        world.fault_plan = fault_plan(rng)
        world.pass_time(rng.choice((0, 120)))
        self._place("o-5", delay=rng.randrange(60))
        if rng.random() < 0.3:
            self._import()
        world.spawn("cleaner of customers", self._clean_up_customer)
        world.run()
        world.calm()
        self._sweep()

    def _clean_up_customer(self) -> None:
        for customer in self._ask(f"/customers/?email={CUSTOMER['email']}"):
            if self._drop(path := f"/customers/{customer['id']}/"):
                self.deleted_others.add(path)

    def reuse_keys(self) -> dict[str, Reply]:
        """Order the keys of deleted licenses; returns the responses."""
        replies = {}
        for key in sorted({*self.deleted.values()} - {""}):
            items = [{"product_code": "kp", "licenses": [{"key": key}]}]
            order = partial(self.shop.order, id=f"again {key}", items=items)
            replies[key] = self.world.alone("customer", order).result
        return replies

    def _sweep(self) -> None:
        for _ in range(3):
            self.world.pass_time(3600)
            self._act("sweep", partial(sweep.handler, {}, LambdaContext()), company=None)
            self.world.run()

    def _import(self) -> None:
        """Import the keys of the order, and of the import's own, in one or two orders."""
        product, other_order = (self.world.rng.choice(pair) for pair in (("kp", "cp"), ORDERS))
        rows = "".join(f"{key},kp,o-1,ana@x.test\n" for key in KEYS)
        for n, key in enumerate(OWN_KEYS):
            code, order = (product, other_order) if n % 2 else ("kp", ORDERS[0])
            rows += f"{key},{code},{order},ana@x.test\n"
        header = "license__license_key,product__short_code,order__store_id,customer__email\n"
        name = f"{COMPANY}/licenses/{self.world.rng.random()}.csv"
        self.world.s3.put(name, (header + rows).encode())

    def _imports_in(self, *states: str) -> list[int]:
        items = self.world.dynamodb.tables[IMPORTS].items
        return [
            int(item["number"]["N"])
            for (_, sk), item in items.items()
            if sk.startswith("job#") and item["state"]["S"] in states
        ]

    def _cancel_running(self) -> None:
        """Cancel an import some turns after it has begun to write."""
        for _ in range(_PATIENCE):
            if running := self._imports_in("running"):
                for _ in range(self.world.rng.randrange(40)):
                    self.world.wait()
                self._about_import(running[0], "cancel")
                return
            self.world.wait()

    def _place(self, store_id: str, *, delay: int = 0) -> None:
        """Place an order of a customer whom other orders and imports have too."""

        def write() -> None:
            for _ in range(delay):
                self.world.wait()
            self._insist("order", order)

        items = [{"product_code": "kp", "licenses": [{}]}]
        order = partial(self.shop.order, id=store_id, items=items, customer=CUSTOMER)
        self.world.spawn("writer of orders", write)

    def _clean_up(self, store_id: str, *, then_customer: bool = True) -> None:
        """Delete the licenses of an order, the order, and `then_customer`."""
        found = self._ask(f"/orders/?client_order_id={store_id}")
        if not found:
            return
        order, customer = found[0]["id"], found[0]["customer"]
        for lic in self._ask(f"/licenses/?order={order}&limit=100"):
            if self._drop(f"/licenses/{lic['id']}/"):
                self.deleted[lic["id"]] = lic["license_key"] or ""
        paths = [f"/orders/{order}/safe_delete/"]
        paths += [f"/customers/{customer['id']}/"] if customer and then_customer else []
        for path in paths:
            if self._drop(path):
                self.deleted_others.add(path)

    def _ask(self, path: str) -> list[Any]:
        """The results of a list; blank if there is no response."""
        path, _, query = path.partition("?")
        actor = self._act("find", partial(self.shop.get, path, query))
        while not actor.done:
            self.world.wait()
        is_known = actor.error is None and actor.result.status == 200
        return list(actor.result.json()["results"]) if is_known else []

    def _drop(self, path: str) -> bool:
        """Send a DELETE until there is a response; returns whether the record is deleted."""
        for attempt in range(_TRIES):
            skew = self.world.rng.choice(_SKEWS)
            actor = self._act("delete", partial(self.shop.delete, path), skew=skew)
            while not actor.done:
                self.world.wait()
            status = 0 if actor.error else actor.result.status
            if 0 < status < 500:
                return status == 204 or (status == 404 and attempt > 0)
            self.world.pass_time(1)
        return False

    def _about_import(self, number: int, action: str) -> None:
        path = f"/api/v1/imports/{number}/{action}/"
        act = partial(send, job_status.handler, "POST", path, key=self.shop.key)
        actor = self._act(action, act)
        while not actor.done:
            self.world.wait()

    def _delete(self, *keys: str, then: Sequence[int] = ()) -> None:
        """Delete the licenses with these keys, and `then` retry these imports."""

        def write() -> None:
            for key in keys:
                self._delete_one(key)
            for number in then:
                self._about_import(number, "retry")

        self.world.spawn("deleter", write)

    def _delete_one(self, key: str) -> None:
        """Delete the license with a key as soon as it exists, until there is a response."""
        for _ in range(_PATIENCE):
            licenses = licenses_of(self.world, COMPANY)
            if any(lic.get("license_key") == {"S": key} for lic in licenses):
                break
            self.world.wait()
        found = self._ask(f"/licenses/?license_key={key}")
        if found and self._drop(f"/licenses/{found[0]['id']}/"):
            self.deleted[found[0]["id"]] = key

    def _delete_user(self, email: str) -> None:
        """Delete a user once or twice, so that it may be another one with the same e-mail."""
        for _ in range(self.world.rng.randint(1, 2)):
            for _ in range(self.world.rng.randrange(60)):
                self.world.wait()
            for user in self._ask(f"/license-users/?email={email}"):
                if self._drop(path := f"/license-users/{user['id']}/"):
                    self.deleted_others.add(path)

    def _orders_of_users(self, store_id: str) -> None:
        """Place an order of many licenses that name users, or several of few."""
        rng = self.world.rng
        users = [{"email": email} for email in rng.choice((USERS, USERS[:1], USERS[1:]))]
        count = rng.choice((1, 1, 2, _LARGE))
        items = [{"product_code": "up", "licenses": [{"users": users}] * count}]

        def write() -> None:
            for n in range(1 if count == _LARGE else 6):
                self._insist("order", partial(self.shop.order, id=f"{store_id}-{n}", items=items))

        self.world.spawn("writer of orders", write)

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

    def _assign_others(self) -> None:
        """Assign users who may be deleted meanwhile, and unassign them."""
        path = f"/licenses/{self.licenses[2]['id']}"

        def write() -> None:
            for email in (*USERS, *USERS):
                for verb in ("assign", "unassign"):
                    act = partial(self.shop.post, f"{path}/{verb}_user/", {"email": email})
                    self._insist(verb, act)

        self.world.spawn("writer of other users", write)

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
    *("update", "update", "metadata", "bulk update", "bulk update", "enable", "disable"),
    *("disable", "policy", "assign", "assign others"),
    *("features", "import", "append", "sweep", "delete", "delete", "stopped import"),
    *("stopped import", "order", "order", "clean up", "clean up"),
    *("update import", "update import", "update import"),
    *("delete user", "delete user", "delete user", "order of users", "order of users"),
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
