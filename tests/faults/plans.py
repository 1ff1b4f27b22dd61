"""Seeded schedules of plans: a dry run, then its commit, while the records of its rows change."""

import os
import random
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from functions import job_status, start_import
from shared.import_job import ImportJob
from shared.store import import_jobs
from tests.faults.check_plans import check_plans
from tests.faults.files import File, some_file
from tests.faults.imports import Importers
from tests.faults.laboratory import Laboratory
from tests.faults.world import RandomFaults, World
from tests.http_event import Reply, send

COMPANY = "acme"
_KEYS = tuple(f"IMP-{n}" for n in range(5))
_MOVES = ("order", "patch", "delete", "customer", "archive", "sweep", "cancel", "look", "later")
_HARMLESS = frozenset({"archive", "sweep", "look", "later"})
"""Moves that change no record that a row can name."""


@dataclass
class Planners:
    """One plan and its commits in a schedule."""

    lab: Laboratory
    world: World
    importers: Importers = field(init=False)
    plan: ImportJob | None = None
    answers: list[Reply] = field(default_factory=list)
    """The responses of commits that were acknowledged."""
    has_moved: bool = False
    """Whether anything has changed a record that a row can name."""

    def __post_init__(self) -> None:
        self.importers = Importers(self.lab, self.world)

    def stock(self) -> None:
        """Create some of the licenses that files name."""
        for key in _KEYS:
            if self.world.rng.random() < 0.5:
                self._order({"key": key, "note": self.world.rng.choice(("", "old"))})
        self.world.run()

    def dry_run(self, file: File, **options: Any) -> None:
        """Run a dry run to its end, without faults."""
        self.importers.sent.append(file)
        body = {"kind": file.kind, "file_name": "a.csv", "size": len(file.data), "dry_run": True}

        def ask() -> Reply:
            key = self.lab.shops[COMPANY].key
            path = "/api/v1/imports/"
            return send(start_import.handler, "POST", path, body=body | options, key=key)

        reply: Reply = self.world.alone("planner", ask).result
        self.importers.put(reply.json()["upload"]["fields"]["key"], file)
        self.world.run()
        self.plan = import_jobs.get_job(COMPANY, reply.json()["id"])

    def commit(self, tries: int = 3) -> None:
        """Send the commit until it is acknowledged."""
        plan, key = self.plan, self.lab.shops[COMPANY].key
        if plan is None or plan.plan_hash is None:
            return

        def act() -> None:
            path = f"/api/v1/imports/{plan.number}/commit/"
            for _ in range(tries):
                body = {"hash": plan.plan_hash}
                reply = send(job_status.handler, "POST", path, body=body, key=key)
                if reply.status < 500:
                    self.answers.append(reply)
                    return

        self.world.spawn("committer", act, company=COMPANY)

    def move(self, what: str) -> None:
        """Start one concurrent change."""
        rng, shop = self.world.rng, self.lab.shops[COMPANY]
        self.has_moved |= what not in _HARMLESS
        match what:
            case "order":
                self._order({"key": rng.choice(_KEYS)})
            case "patch":
                self._change(lambda id: shop.patch(f"/licenses/{id}/", {"note": "moved"}))
            case "delete":
                self._change(lambda id: shop.delete(f"/licenses/{id}/"))
            case "customer":
                body = {"email": rng.choice(("ana@x.test", "ben@x.test")), "first_name": "Eve"}
                self._spawn("a customer", partial(shop.post, "/customers/", body))
            case _:
                self.importers.interfere(COMPANY, what)

    def _order(self, license: dict[str, Any]) -> None:
        shop = self.lab.shops[COMPANY]
        items = [{"product_code": "kp", "licenses": [license]}]
        customer = {"email": self.world.rng.choice(("ana@x.test", "ben@x.test"))}
        self._spawn("an order", partial(shop.order, items=items, customer=customer))

    def _change(self, act: Any) -> None:
        shop, key = self.lab.shops[COMPANY], self.world.rng.choice(_KEYS)

        def change() -> None:
            found = shop.get("/licenses/", f"license_key={key}")
            for lic in found.json()["results"] if found.status == 200 else ():
                act(lic["id"])

        self._spawn("a change", change)

    def _spawn(self, name: str, act: Any) -> None:
        self.world.spawn(name, act, company=COMPANY)


def commit_plans(lab: Laboratory, seed: int) -> tuple[World, list[str]]:
    """Run one schedule; returns its world and the violations."""
    world = lab.world(seed)
    rng = world.rng
    os.environ["IMPORT_INLINE_BYTES"] = rng.choice(("0", "1000000"))
    planners = Planners(lab, world)
    planners.stock()
    options = {
        "on_existing": rng.choice(("keep", "update")),
        "on_missing": rng.choice(("create", "create", "refuse")),
        "on_error": rng.choice(("skip_row", "skip_row", "reject_all")),
    }
    planners.dry_run(some_file(rng), **options)
    early = random.Random(f"early {seed}").random() < 0.5
    moves = rng.choice(
        (
            [],
            ["archive"],
            ["delete"] * 4,
            [rng.choice(_MOVES)],
            [rng.choice(_MOVES) for _ in range(3)],
        )
    )
    if early:
        for what in moves:
            planners.move(what)
        world.run()
    faults = rng.choice((0, 0.01, 0.05, 0.15)), rng.choice((0.05, 0.3))
    world.fault_plan = RandomFaults(rng, *faults)
    for _ in range(rng.choice((1, 1, 2, 3))):
        planners.commit()
    if not early:
        for what in moves:
            planners.move(what)
    world.run()
    planners.importers.recover()
    planners.commit()
    world.run()
    planners.importers.recover()
    return world, check_plans(planners)
