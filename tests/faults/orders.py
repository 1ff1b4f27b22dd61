"""Seeded schedules of orders: duplicated, lost, concurrent and retried requests."""

import random
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions import sweep
from tests.faults.check_orders import check_orders, stored
from tests.faults.history import Sent, Watch
from tests.faults.laboratory import COMPANIES, Laboratory
from tests.faults.machine import Machine
from tests.faults.world import Actor, FaultPlan, RandomFaults, World
from tests.functions.shop import Shop

HOUR = 3600
_DOINGS = (
    *("archive", "archive", "archive policy", "sweep", "import", "look", "later"),
    *("blackout", "blackout", "blackout", "blackout"),
)
_SKEWS = (0, 0, 0, 0, 5, -5, 400, -400, 90_000, -90_000)


def bodies(rng: random.Random) -> list[dict[str, Any]]:
    """Return order bodies with few keys, e-mails and ids, so that requests collide."""
    everybody = [{"email": f"u{n}@x.test"} for n in range(8)]
    users = rng.sample(everybody[:3], 2)
    key = rng.choice(("KEY-1", "KEY-2"))
    members = [{"product_code": code, "policy_code": "std"} for code in ("p1", "p2")]
    return [
        {"items": [{"product_code": "kp", "licenses": [{}]}]},
        {"items": [{"product_code": "kp", "licenses": [{"policy_code": "policy_A"}]}]},
        {"items": [{"product_code": "kp", "licenses": [{"key": key}, {}]}]},
        {"items": [{"product_code": "up", "licenses": [{"users": users}]}]},
        {"items": [{"product_code": "up", "licenses": [{"users": users[:1]}, {"users": users}]}]},
        {
            "is_bundle": True,
            "items": [{"product_code": "bnd", "key": key, "licenses": members}],
        },
        {"items": [{"product_code": "kp", "licenses": [{"key": key}, *({} for _ in range(7))]}]},
        {
            "items": [
                {"product_code": "kp", "licenses": [{}]},
                {"product_code": "up", "licenses": [{"users": everybody}, {"users": users}]},
            ]
        },
    ]


@dataclass
class Clients:
    """The clients of both companies in one schedule, and all responses they got."""

    lab: Laboratory
    world: World
    machine: Machine = field(init=False)
    watch: Watch = field(init=False)
    sent: list[Sent] = field(default_factory=list)
    crowd: list[Actor] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.machine, self.watch = Machine(self.world), Watch(self.world)

    def send(
        self, company: str, body: dict[str, Any], key: str | None = None, skew: float = 0
    ) -> Sent:
        """Send one request to the handler of its path."""
        shop = self.lab.shops[company]
        headers = {"Idempotency-Key": key} if key else {}
        act = partial(shop.post, "/orders/create_order/", body, headers=headers)
        name = f"{company} order {body.get('id')} {key or ''}"
        sent = Sent(company, body, key, self._act(name, act, company, skew))
        self.sent.append(sent)
        return sent

    def client(self, company: str, body: dict[str, Any], key: str | None, tries: int) -> None:
        """Send until there is a response, up to a number of attempts."""

        def insist() -> None:
            for _ in range(tries):
                sent = self.send(company, body, key, self.world.rng.choice(_SKEWS))
                while not sent.actor.done:
                    self.world.wait()
                if sent.is_known or not sent.is_repeatable:
                    return
                self.world.pass_time(1)

        self.world.spawn(f"client of {company}", insist)

    def interfere(self, company: str, what: str) -> None:
        """Start one action of another client, or an environment change."""
        shop, rng = self.lab.shops[company], self.world.rng
        match what:
            case "archive" | "archive policy":
                self.world.spawn("vendor", partial(self._archive, shop, what))
            case "sweep":
                self._act("sweep", partial(sweep.handler, {}, LambdaContext()), None)
            case "import":
                key, order = rng.choice(("KEY-1", "KEY-2")), rng.choice(("o-1", "o-2", ""))
                header = "license__license_key,product__short_code,order__store_id,customer__email"
                rows = f"{header}\n{key},kp,{order},ana@x.test\nOWN-{rng.random()},kp,,\n"
                self.world.s3.put(f"{company}/licenses/{rng.random()}.csv", rows.encode())
            case "look":
                self._act("reader", partial(shop.get, "/orders/"), company)
            case "blackout":
                self.world.blackout = self.world.calls + rng.randrange(3, 40)
            case "later":
                self.world.pass_time(rng.choice((60, 1000, 5000, -5000, 100_000)))

    def recover(self) -> None:
        """Stop all faults; some clients retry, the sweeper runs, then all clients retry."""
        self.world.calm()
        requests: dict[tuple[Any, ...], Sent] = {}
        for each in self.sent:
            if each.is_repeatable:
                requests.setdefault((*each.identity, str(each.body)), each)
        eager = self.world.rng.choice((0, 0.4))
        for each in requests.values():
            if self.world.rng.random() < eager:
                self.repeat(each)
        # The second run is later than the orders of processes whose clock was a day ahead.
        for hours in (1, 26):
            self.world.pass_time(hours * HOUR)
            self._act("sweep", partial(sweep.handler, {}, LambdaContext()), None)
            self.world.run()
        # Checked before the retries too, which create again what was rolled back with other orders.
        for company in COMPANIES:
            self.watch.violations += stored(self.world, company, unfinished=set())
        for each in requests.values():
            self.repeat(each)

    def repeat(self, sent: Sent) -> Sent:
        again = self.send(sent.company, sent.body, sent.key)
        self.world.run()
        return again

    def _act(self, name: str, act: Any, company: str | None, skew: float = 0) -> Actor:
        actor = self.world.spawn(name, act, company=company, skew=skew)
        self.crowd.append(actor)
        return actor

    def _archive(self, shop: Shop, what: str) -> None:
        path = "/products/" if what == "archive" else "/license-templates/"
        query = "short_code=kp" if what == "archive" else "product=kp&code=policy_A"
        found = self._awaited("vendor looks", partial(shop.get, path, query), shop.company)
        if found is None or found.status != 200:
            return
        part = found.json()["results"][0]["id"]
        for archived in (True, False):
            change = partial(shop.patch, f"{path}{part}/", {"is_archived": archived})
            self._awaited("vendor", change, shop.company)
            for _ in range(self.world.rng.randrange(30)):
                self.world.wait()

    def _awaited(self, name: str, act: Any, company: str) -> Any:
        actor = self._act(name, act, company)
        while not actor.done:
            self.world.wait()
        return actor.result


def clients(lab: Laboratory, seed: int) -> tuple[World, list[str]]:
    """Run one schedule; returns its world and the violations."""
    world = lab.world(seed)
    run, rng = Clients(lab, world), world.rng
    # In some schedules processes die and no client retries, while all orders name the same users.
    kills_only = rng.random() < 0.2
    world.fault_plan = (
        RandomFaults(rng, 0.2, 0.3, kills_only=True) if kills_only else fault_plan(rng)
    )
    offered = bodies(rng)
    by_user = offered[3:5] + offered[7:]
    liked = rng.choice((offered, by_user, by_user, offered[:3], offered[6:]))
    if kills_only:
        liked = [*offered[3:5], offered[7], offered[7]]
    chosen = [rng.choice(liked) for _ in range(rng.randint(1, 3))]
    companies = ("acme",) if kills_only else (*COMPANIES, "acme", "acme")
    for _ in range(rng.randint(1, 5)):
        company = rng.choice(companies)
        body, key = _request(rng, rng.choice(chosen))
        for _ in range(rng.choice((1, 1, 2))):
            run.client(company, body, key, tries=1 if kills_only else rng.choice((1, 1, 2, 3)))
    for _ in range(rng.choice((0, 1, 2, 3))):
        run.interfere("acme", rng.choice(_DOINGS))
    world.run()
    run.recover()
    return world, check_orders(run.world, run.watch, run.sent, run.crowd, lab)


def fault_plan(rng: random.Random) -> FaultPlan:
    """Return random rates: few faults and many switches between actors, or the reverse."""
    return RandomFaults(rng, rng.choice((0, 0.02, 0.1, 0.3)), rng.choice((0.05, 0.3, 0.7)))


def _request(rng: random.Random, offered: dict[str, Any]) -> tuple[dict[str, Any], str | None]:
    body = dict(offered)
    if rng.random() < 0.3:
        email = rng.choice(("ana@x.test", "ben@x.test"))
        body["customer"] = rng.choice(({"email": email}, {"company_name": "Acme"}))
    match rng.randrange(8):
        case 0:
            return body, rng.choice(("ik-1", "ik-2"))
        case 1:
            return {**body, "id": "o-1", "append": True}, rng.choice(("ik-1", None))
    return {**body, "id": rng.choice(("o-1", "o-2"))}, None
