"""Seeded schedules of imports: files sent by every route, twice, late, changed or never."""

import os
import random
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions import job_status, start_import, sweep
from shared.import_job import ENDED
from tests.faults.check_imports import check_imports, check_stopped
from tests.faults.dynamodb import Write
from tests.faults.files import File, some_file
from tests.faults.history import IMPORTS, LICENSES, Watch
from tests.faults.laboratory import COMPANIES, STRANGER, Laboratory
from tests.faults.machine import Machine
from tests.faults.world import Actor, NoFaults, RandomFaults, World
from tests.functions.importer import FORM, form, part
from tests.functions.shop import open_shop
from tests.http_event import Reply, send

MINUTE, HOUR = 60, 3600
_SKEWS = (0, 0, 0, 5, -5, 3000, -3000)
_ROUNDS = 12
_PATIENCE = 500
_CANCELLED = 0.25


@dataclass
class Importers:
    """The imports of both companies in one schedule, and the responses they got."""

    lab: Laboratory
    world: World
    machine: Machine = field(init=False)
    watch: Watch = field(init=False)
    files: dict[tuple[str, str], File] = field(default_factory=dict)
    """The content of each version of an object, by key and version."""
    gone: set[tuple[str, str]] = field(default_factory=set)
    """Versions that were deleted."""
    named: dict[tuple[str, str], set[int]] = field(default_factory=dict)
    """The jobs in the responses for a company's `external_id`."""

    refusals: list[str] = field(default_factory=list)
    """Retries with an unexpected response, and imports with other counts than were reported."""
    opened: bool = False
    """Whether the company without an API key has got one."""
    is_abandoned: bool = False
    """Whether imports whose processes died are cancelled before the sweeper resumes them."""
    has_died: bool = False
    sent: list[File] = field(default_factory=list)
    retried: set[tuple[str, int]] = field(default_factory=set)
    """Jobs that were retried after faults had stopped."""

    def __post_init__(self) -> None:
        self.machine, self.watch = Machine(self.world), Watch(self.world)

    def put(self, key: str, file: File) -> None:
        """Put an object into the bucket."""
        version = self.world.s3.put(key, file.data)
        self.files[key, version.id] = file

    def bring(self, company: str, file: File) -> None:
        """Send a file by one of the three routes: the bucket, the API or a form."""
        rng = self.world.rng
        self.sent.append(file)
        match rng.randrange(3):
            case 0:
                self.put(f"{company}/{file.kind}/{rng.randrange(3)}.csv", file)
            case 1:
                self.world.spawn("asker", partial(self._request_upload, company, file))
            case 2:
                self.world.spawn("sender", partial(self._send_form, company, file))

    def interfere(self, company: str, what: str) -> None:
        """Start one concurrent action of another client, or an environment change."""
        rng, world = self.world.rng, self.world
        number = rng.randint(1, 3)
        match what:
            case "cancel" | "retry":
                path = f"/api/v1/imports/{number}/{what}/"
                self._request(job_status.handler, path, company, delay=rng.randrange(200))
            case "look":
                path = f"/api/v1/imports/{number}/"
                self._request(job_status.handler, path, company, method="GET", delay=50)
            case "sweep":
                world.pass_time(rng.choice((0, 0, 20 * MINUTE)))
                self._sweep()
            case "order":
                license = {"key": f"IMP-{rng.randrange(5)}"}
                shop = self.lab.shops[company]
                order = {"id": rng.choice(("o-1", "o-2")), "customer": {"email": "ana@x.test"}}
                items = [{"product_code": "kp", "licenses": [license]}]
                act = partial(shop.order, items=items, **order)
                world.spawn("order", act, company=company, skew=rng.choice(_SKEWS))
            case "large order":
                self._order_large(company)
            case "archive":
                self._archive(company)
            case "stranger":
                file = some_file(rng, "customers")
                self.put(f"{STRANGER}/customers/{rng.randrange(2)}.csv", file)
            case "change":
                objects = self.world.s3.objects
                changed = [key for key in objects if key.startswith(company) and objects[key]]
                if changed:
                    self._change(rng.choice(changed))
            case "blackout":
                world.blackout = world.calls + rng.randrange(3, 80)
            case "abandon":
                self.is_abandoned = True
                self.world.watchers.append(partial(self._die_within_a_batch, rng.randrange(1, 5)))
            case "later":
                world.pass_time(rng.choice((60, 1000, 5000, -1000)))

    def cancel_running(self, company: str, later: int) -> None:
        """Cancel an import while its rows are being written, `later` turns after it started."""

        def act() -> Reply | None:
            for _ in range(_PATIENCE):
                running = [
                    n for who, n, state in self._jobs() if (who, state) == (company, "running")
                ]
                if running:
                    for _ in range(later):
                        self.world.wait()
                    path = f"/api/v1/imports/{running[0]}/cancel/"
                    key = self.lab.shops[company].key
                    return send(job_status.handler, "POST", path, key=key)
                self.world.wait()
            return None

        self.world.spawn("canceller", act, company=company)

    def recover(self) -> None:
        """Stop all faults, run the sweeper, and retry failed imports."""
        world = self.world
        world.calm()
        self.has_died = True
        if self.is_abandoned:
            self._abandon()
        if world.rng.random() < 0.5:
            self.opened = True
            world.alone("operator", lambda: open_shop(STRANGER))
        self._rounds()
        if any(state == "awaiting_upload" for _, _, state in self._jobs()):
            world.pass_time(25 * HOUR)
            self._rounds(1)
        self.refusals += check_stopped()
        for company, number, state in self._jobs():
            refused = state == "failed" and self._was_refused(company, number)
            likely = 0.3 if self.is_abandoned else 0.8
            if state in ("failed", "cancelled") and not refused and world.rng.random() < likely:
                path = f"/api/v1/imports/{number}/retry/"
                retry = self._request(job_status.handler, path, company)
                world.run()
                if retry.result.status == 200:
                    self.retried.add((company, number))
                self._check_retry(company, number, retry.result)
        if self.retried:
            self._rounds()

    def again(self) -> None:
        """Deliver every event once more, except those of deleted versions."""
        destroyed = {version for _, version in self.gone}
        for event in list(self.machine.events):
            objects = [each["s3"]["object"] for each in event.get("Records", ())]
            if destroyed.isdisjoint(each["versionId"] for each in objects):
                self.machine.deliver(event)
        for step in list(self.machine.steps):
            self.machine.call(step)
        self.world.run()
        self._sweep()
        self.world.run()

    def _die_within_a_batch(self, calls: int, _: Actor | None, writes: list[Write]) -> None:
        """Let every process die soon after an import has written its first license."""
        made = (each.after or {} for each in writes if each.table == LICENSES)
        if not self.has_died and any("made_by" in after for after in made):
            self.world.blackout = self.world.calls + calls
            self.has_died = True

    def _abandon(self) -> None:
        """Cancel imports without a worker, and retry some while the sweeper completes them."""
        world, rng = self.world, self.world.rng
        for company, number, state in self._jobs():
            if state not in ENDED:
                self._request(job_status.handler, f"/api/v1/imports/{number}/cancel/", company)
        world.run()
        world.pass_time(20 * MINUTE)
        world.fault_plan = RandomFaults(rng, 0, 0.3)
        self._sweep()
        for company, number, state in self._jobs():
            if state == "cancelled" and rng.random() < 0.3:
                path = f"/api/v1/imports/{number}/retry/"
                self._request(job_status.handler, path, company, delay=rng.randrange(60))
        world.calm()

    def _check_retry(self, company: str, number: int, reply: Reply) -> None:
        """J2: a retry reports `file_gone` if the file was deleted, and only then."""
        item = self.world.dynamodb.tables[IMPORTS].items[company, f"job#{number:010}"]
        key, version = item["key"]["S"], item.get("version_id", {}).get("S")
        is_gone = version is not None and (key, version) in self.gone
        if is_gone != (reply.json().get("code") == "file_gone"):
            self.refusals.append(f"J2 retry of import {number} of {company}: {reply.text}")

    def _rounds(self, rounds: int = _ROUNDS) -> None:
        """Run the sweeper at least twice: an import that the first run starts may stop again."""
        for number in range(rounds):
            self.world.pass_time(20 * MINUTE)
            self._sweep()
            self.world.run()
            waiting = any(state not in (*ENDED, "awaiting_upload") for _, _, state in self._jobs())
            late = self._uncounted() or self._is_open()
            if number and not waiting and not late and not self._unnoticed():
                return

    def _uncounted(self) -> bool:
        """Whether an import stopped early and has no counts yet."""
        items = self.world.dynamodb.tables[IMPORTS].items
        return any(
            sk.startswith("job#")
            and item["state"]["S"] in ("failed", "cancelled")
            and "rows" in item
            and "counts" not in item
            for (_, sk), item in items.items()
        )

    def _is_open(self) -> bool:
        """Whether a batch waits to be completed."""
        return any(pk == "open#" for pk, _ in self.world.dynamodb.tables[IMPORTS].items)

    def _unnoticed(self) -> set[tuple[str, str]]:
        """Return versions that must get a job, and have none yet."""
        items = self.world.dynamodb.tables[IMPORTS].items
        had = {
            (item["key"]["S"], item["version_id"]["S"])
            for (_, sk), item in items.items()
            if sk.startswith("job#") and "version_id" in item
        }
        return {
            place
            for place in self.files.keys() - had - self.gone
            if self.opened or not place[0].startswith(STRANGER)
        }

    def _sweep(self) -> None:
        self.world.spawn("sweep", partial(sweep.handler, {}, LambdaContext()))

    def _jobs(self) -> list[tuple[str, int, str]]:
        items = self.world.dynamodb.tables[IMPORTS].items
        return [
            (pk, int(item["number"]["N"]), item["state"]["S"])
            for (pk, sk), item in items.items()
            if sk.startswith("job#")
        ]

    def _was_refused(self, company: str, number: int) -> bool:
        item = self.world.dynamodb.tables[IMPORTS].items[company, f"job#{number:010}"]
        codes = ("no_progress", "import_failed")
        return item["refusal"]["M"]["code"]["S"] not in codes

    def _request_upload(self, company: str, file: File) -> None:
        rng = self.world.rng
        name = rng.choice((None, "ext-1", f"ext-{rng.random()}"))
        options = {
            "dry_run": rng.random() < 0.2,
            "on_error": rng.choice(("skip_row", "reject_all")),
        }
        body = {"kind": file.kind, "file_name": "a.csv", "size": len(file.data), **options}
        body |= {"external_id": name} if name else {}
        reply = self._insist("/api/v1/imports/", company, body=body, tries=3 if name else 1)
        if reply is None or reply.status != 202:
            return
        self.named.setdefault((company, name or str(reply)), set()).add(reply.json()["id"])
        upload = reply.json()["upload"]
        for _ in range(rng.choice((0, 1, 1, 1, 2)) if upload else 0):  # a form may be sent twice
            self.put(upload["fields"]["key"], file)
            for _ in range(rng.randrange(20)):
                self.world.wait()

    def _send_form(self, company: str, file: File) -> None:
        rng = self.world.rng
        name = rng.choice((None, "ext-1", f"ext-{rng.random()}"))
        path = {
            "licenses": "licenses/import_from_csv/",
            "customers": "customers/import_from_csv/",
            "license-features": "licenses/import_features_from_csv/",
        }[file.kind]
        headers = {"content-type": FORM} | ({"Idempotency-Key": name} if name else {})
        query = rng.choice(("", "on_error=reject_all"))
        reply = self._insist(
            f"/api/v1/{path}",
            company,
            body=form(part(file.data)),
            headers=headers,
            query=query,
            tries=3 if name else 1,
        )
        if name and reply and reply.status == 200:
            self.named.setdefault((company, name), set()).add(reply.json()["job_id"])

    def _insist(self, path: str, company: str, *, tries: int, **request: Any) -> Reply | None:
        for _ in range(tries):
            actor = self._request(start_import.handler, path, company, **request)
            while not actor.done:
                self.world.wait()
            if actor.error is None and actor.result.status < 500:
                reply: Reply = actor.result
                return reply
        return None

    def _request(
        self,
        handler: Any,
        path: str,
        company: str,
        *,
        method: str = "POST",
        delay: int = 0,
        **request: Any,
    ) -> Actor:
        def act() -> Reply:
            for _ in range(delay):
                self.world.wait()
            return send(handler, method, path, key=self.lab.shops[company].key, **request)

        skew = 0 if isinstance(self.world.fault_plan, NoFaults) else self.world.rng.choice(_SKEWS)
        return self.world.spawn(f"{company} {path}", act, company=company, skew=skew)

    def _order_large(self, company: str) -> None:
        """Place an order that is pending for some time and requests all keys that files have.

        Its process may die; then the sweeper rolls it back while files are imported.
        """
        rng, world, shop = self.world.rng, self.world, self.lab.shops[company]
        licenses = [*({"key": f"IMP-{n}"} for n in range(5)), {}, {}]
        items = [{"product_code": "kp", "licenses": licenses}]
        act = partial(shop.order, items=items, id="o-3")
        order = world.spawn("large order", act, company=company)
        if rng.random() < 0.8:
            order.dies_after = rng.choice((4, 4, 5, 5))  # some licenses are written, or all
        if rng.random() < 0.5:
            world.spawn("rollback", partial(self._roll_back, order))

    def _roll_back(self, order: Actor) -> None:
        while not order.done:
            self.world.wait()
        self.world.pass_time(20 * MINUTE)
        self._sweep()

    def _archive(self, company: str) -> None:
        shop = self.lab.shops[company]

        def archive() -> None:
            found = shop.get("/products/", "short_code=kp")
            if found.status == 200:
                shop.patch(f"/products/{found.json()['results'][0]['id']}/", {"is_archived": True})

        self.world.spawn("vendor", archive, company=company)

    def _change(self, key: str) -> None:
        """Overwrite an object, hide it, or delete its version."""
        match self.world.rng.randrange(3):
            case 0:
                self.put(key, some_file(self.world.rng, key.split("/")[1]))
            case 1:
                self.world.s3.delete(key)
            case 2 if versions := self.world.s3.objects[key]:
                self.gone.add((key, versions.pop().id))


def manage(lab: Laboratory, seed: int) -> tuple[World, list[str]]:
    """Run one schedule; returns its world and the violations."""
    world = lab.world(seed)
    rng = world.rng
    world.fault_plan = RandomFaults(rng, rng.choice((0, 0.01, 0.05, 0.15)), rng.choice((0.05, 0.3)))
    os.environ["IMPORT_INLINE_BYTES"] = rng.choice(("0", "1000000"))
    importers = Importers(lab, world)
    for _ in range(rng.choice((1, 1, 2, 3))):
        company, file = rng.choice((*COMPANIES, "acme")), some_file(rng)
        for _ in range(rng.choice((1, 1, 1, 2))):
            importers.bring(company, file)
    doings = (
        *("cancel", "retry", "look", "sweep", "order", *["large order"] * 4),
        *("archive", "change", "later", "blackout", "stranger", "abandon", "abandon"),
    )
    for _ in range(rng.choice((0, 0, 1, 2, 3))):
        importers.interfere("acme", rng.choice(doings))
    # A separate generator, so that the other schedules of these seeds do not change.
    own = random.Random(f"cancel {seed}")
    if own.random() < _CANCELLED:
        importers.cancel_running("acme", own.randrange(8))
    world.run()
    importers.recover()
    return world, check_imports(importers)
