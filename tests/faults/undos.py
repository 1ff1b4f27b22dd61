"""Schedules of undos: imports of every kind, their undo, and everything that interferes with it."""

import os
import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions import job_status, start_import, sweep
from shared.import_job import ENDED
from shared.store.dynamo import from_item
from tests.faults.changes import COMPANY, Changers
from tests.faults.check_undos import UndoWatch, check_undos, visible
from tests.faults.history import IMPORTS
from tests.faults.laboratory import Laboratory
from tests.faults.orders import fault_plan
from tests.faults.world import NoFaults, World
from tests.http_event import Reply, send

_HEADER = "license__license_key,product__short_code,order__store_id,customer__email\n"
_KEYS = ("IMP-1", "IMP-2", "IMP-3", "IMP-4", "IMP-5")
_PEOPLE = ("ana@x.test", "ben@x.test", "carl@x.test")
_OLD_ORDER, _NEW_ORDERS = "o-1", ("n-1", "n-2", "")
_TRIES, _ROUNDS, _PATIENCE = 4, 8, 400


@dataclass(frozen=True)
class Sheet:
    """A file to import, with its options."""

    kind: str
    data: bytes
    options: dict[str, Any] = field(default_factory=dict)


@dataclass
class Undoers(Changers):
    """The imports and undos of a schedule."""

    imports: list[int] = field(default_factory=list)
    sheets: dict[int, Sheet] = field(default_factory=dict)
    answers: dict[int, set[int]] = field(default_factory=dict)
    """The undos in the responses for an import."""
    before: dict[str, Any] = field(default_factory=dict)
    """What was visible before the import that is undone."""
    is_alone: bool = True
    """Whether nothing but the undo has changed records since."""
    is_planned: bool = False
    """Whether a client commits the dry run of an undo, instead of requesting the undo."""
    plans: dict[int, str] = field(default_factory=dict)
    """The dry runs of undos that clients commit, with the hashes of their plans."""
    commits: dict[int, set[int]] = field(default_factory=dict)
    """The undos in the responses for the commit of a dry run."""
    seen: UndoWatch = field(init=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.world.watchers.remove(self.updates._hear)  # noqa: SLF001  # it knows no undos
        self.seen = UndoWatch(self.world, COMPANY)

    def prepare(self) -> None:
        """Place an order, and import older records, of which the undone import changes some."""
        os.environ["IMPORT_INLINE_BYTES"] = self.world.rng.choice(("0", "1000000"))
        self.place_orders()
        older = "".join(f"{key},kp,{_OLD_ORDER},ana@x.test\n" for key in ("OLD-1", "OLD-2"))
        self.bring_alone(Sheet("licenses", (_HEADER + older).encode()))
        people = b"email,first_name\nana@x.test,Ana\nzoe@x.test,Zoe\n"
        self.bring_alone(Sheet("customers", people, {"on_existing": "update"}))
        self.before = visible(self.world, COMPANY)

    def sheet(self) -> Sheet:
        """The file of the import that will be undone."""
        sheet = self._some_sheet()
        on_error = self.world.rng.choice(("skip_row", "skip_row", "reject_all"))
        return replace(sheet, options={"on_error": on_error, **sheet.options})

    def _some_sheet(self) -> Sheet:
        rng = self.world.rng
        match rng.randrange(6):
            case 0:
                names = rng.sample((*_PEOPLE, "zoe@x.test"), 3)
                rows = "".join(f"{email},{rng.randrange(9)}\n" for email in names)
                how = {"on_existing": rng.choice(("update", "keep"))}
                return Sheet("customers", f"email,phone\n{rows}".encode(), how)
            case 1:
                rows = "".join(
                    f"{key},{code},{rng.randrange(1, 9)}\n"
                    for key in ("OLD-1", "OLD-2", "KEY-1")
                    for code in ("credits", "f1")
                )
                header = "license_key,code,max_consumption\n"
                return Sheet("license-features", (header + rows).encode())
            case 2:
                rows = "".join(f"{key},kp,{rng.randrange(9)},x\n" for key in ("OLD-1", "KEY-1"))
                rows += f"IMP-1,kp,{rng.randrange(9)},y\n"
                header = "license__license_key,product__short_code,license__grace_period"
                text = f"{header},license__note\n{rows}"
                return Sheet("licenses", text.encode(), {"on_existing": "update"})
        return self._licenses()

    def _licenses(self) -> Sheet:
        rng, rows = self.world.rng, []
        for key in (*_KEYS, *rng.sample(("OLD-1", "KEY-1"), rng.randrange(2))):
            code, order = rng.choice(("kp", "cp")), rng.choice((_OLD_ORDER, *_NEW_ORDERS))
            rows.append(f"{key},{code},{order},{rng.choice((*_PEOPLE, ''))}\n")
        rng.shuffle(rows)
        return Sheet("licenses", (_HEADER + "".join(rows)).encode())

    def bring(self, sheet: Sheet) -> int | None:
        """Request an import and upload its file; returns its number."""
        body = {"kind": sheet.kind, "file_name": "a.csv", "size": len(sheet.data)}
        body |= {"external_id": str(self.world.rng.random()), **sheet.options}
        post = partial(send, start_import.handler, "POST", "/api/v1/imports/", body=body)
        reply = self._answered("request of an import", partial(post, key=self.shop.key))
        if reply is None or reply.status != 202:
            return None
        number: int = reply.json()["id"]
        self.sheets[number] = sheet
        if upload := reply.json()["upload"]:
            self.world.s3.put(upload["fields"]["key"], sheet.data)
        return number

    def bring_alone(self, sheet: Sheet) -> int:
        """Import a file while nothing else happens; returns its number."""
        number: int = self.world.alone("importer", partial(self.bring, sheet)).result
        self.world.run()
        assert self.job(number)["state"]["S"] in ("succeeded", "completed_with_errors")
        return number

    def plan(self, number: int) -> None:
        """Request a dry run of an undo, and wait until it has a plan, to be committed."""
        reply = self._post_undo(number, dry_run=True)
        if reply is None or reply.status != 202:
            return
        planned = reply.json()["id"]
        for _ in range(_PATIENCE):
            if self.job(planned)["state"]["S"] in ENDED:
                break
            self.world.wait()
        if "plan_hash" in self.job(planned):
            self.plans[planned] = self.job(planned)["plan_hash"]["S"]

    def plan_next_to_orders(self, number: int) -> None:
        """Run a dry run while orders name customers of the import, and delete these orders."""
        self.is_alone = False
        items, emails = [{"product_code": "kp", "licenses": [{}]}], _PEOPLE[1:]
        for email in emails:
            order = partial(self.shop.order, id=email, items=items, customer={"email": email})
            self.world.alone("customer", order)
        self.plan_alone(number)
        for email in emails:
            clean_up = partial(self._clean_up, email, then_customer=False)
            self.world.spawn("cleaner", clean_up)
            self.world.run()

    def plan_alone(self, number: int) -> None:
        """Run a dry run to its end while nothing else happens; `commit` commits it."""
        self.world.spawn("planner", partial(self.plan, number))
        self.world.run()

    def plan_and_commit(self, number: int) -> None:
        """Commit the plan of a dry run, of another client's one if this client has none."""
        self.plan(number)
        for _ in range(self.world.rng.choice((0, 0, 20, 100))):
            self.world.wait()
        self.commit()

    def commit(self) -> None:
        """Commit one of the plans until there is a response."""
        if not self.plans:
            return
        plan, plan_hash = self.world.rng.choice(sorted(self.plans.items()))
        path, body = f"/api/v1/imports/{plan}/commit/", {"hash": plan_hash}
        reply = self._post("commit", path, body)
        if reply is not None and reply.status == 202:
            self.commits.setdefault(plan, set()).add(reply.json()["id"])

    def undo(self, number: int) -> None:
        """Request the undo of an import until there is a response."""
        reply = self._post_undo(number)
        if reply is not None and reply.status == 202:
            self.answers.setdefault(number, set()).add(reply.json()["id"])

    def _post_undo(self, number: int, *, dry_run: bool = False) -> Reply | None:
        return self._post("undo", f"/api/v1/imports/{number}/undo/", {"dry_run": dry_run})

    def _post(self, what: str, path: str, body: dict[str, Any]) -> Reply | None:
        post = partial(send, job_status.handler, "POST", path, body=body, key=self.shop.key)
        return self._answered(what, post)

    def _answered(self, what: str, act: Any) -> Reply | None:
        for _ in range(_TRIES):
            faultless = isinstance(self.world.fault_plan, NoFaults)
            skew = 0 if faultless else self.world.rng.choice((0, 0, 5, -5, 400, -400))
            actor = self._act(what, act, skew=skew)
            while not actor.done:
                self.world.wait()
            if actor.error is None and actor.result.status < 500:
                reply: Reply = actor.result
                return reply
            self.world.pass_time(1)
        return None

    def job(self, number: int) -> dict[str, Any]:
        item: dict[str, Any] = self.world.dynamodb.tables[IMPORTS].items[
            COMPANY, f"job#{number:010}"
        ]
        return item

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
            "append": partial(self._append, rng.choice(("n-1", "n-2", _OLD_ORDER))),
            "order": partial(self._buy, rng.choices(_PEOPLE, k=6)),
            "delete": self._delete_some,
            "import": partial(self.bring, self._licenses()),
            "features": partial(self.bring, self.sheet()),
            "cancel": partial(self._about_soon, "cancel"),
            "retry": partial(self._about_import, number, "retry"),
        }.get(what)
        if what == "sweep":
            self._act(what, partial(sweep.handler, {}, LambdaContext()), company=None)
        else:
            delays = [self._later, self._while_running]
            delays += [self._once_planned] if self.is_planned else []
            self.world.spawn(what, partial(rng.choice(delays), rng.randrange(60), act))

    def _while_running(self, turns: int, act: Any) -> None:
        """Act some turns after an undo has begun to write."""
        for _ in range(_PATIENCE):
            if self._imports_in("running"):
                break
            self.world.wait()
        self._later(turns, act)

    def _once_planned(self, turns: int, act: Any) -> None:
        """Act some turns after a dry run has ended."""
        for _ in range(_PATIENCE):
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
        for _ in range(_PATIENCE):
            if undos := self.undos():
                self._later(self.world.rng.randrange(60), lambda: None)
                self._about_import(undos[0], action)
                return
            self.world.wait()

    def undos(self) -> list[int]:
        """The numbers of undos that write."""
        items = self.world.dynamodb.tables[IMPORTS].items
        return [
            int(item["number"]["N"])
            for (_, sk), item in items.items()
            if sk.startswith("job#") and "undoes" in item and "dry_run" not in item
        ]

    def end(self, number: int) -> None:
        """Stop all faults, and let the sweeper and retries end an import."""
        self.world.calm()
        self._rounds()
        if self.job(number)["state"]["S"] in ("cancelled", "failed"):
            self.world.alone("operator", partial(self._about_import, number, "retry"))
            self._rounds()

    def finish(self, number: int) -> None:
        """Stop all faults, let the sweeper end everything, and undo the import to the end."""
        self.world.calm()
        self._rounds()
        for _ in range(_ROUNDS):
            for other in self._imports_in("cancelled", "failed"):
                if "undoes" not in self.job(other) and other != number:
                    self.world.alone("operator", partial(self._about_import, other, "retry"))
            self._rounds()
            if "undone_by" not in self.job(number):
                self._undo_at_last(number)
            for undo in self.undos():
                if self.job(undo)["state"]["S"] in ("cancelled", "failed"):
                    self.world.alone("operator", partial(self._about_import, undo, "retry"))
            self._rounds()
            states = {self.job(undo)["state"]["S"] for undo in self.undos()}
            if "undone_by" in self.job(number) and states == {"succeeded"}:
                break

    def _undo_at_last(self, number: int) -> None:
        """Undo an import that no client has undone; what a client has planned is committed."""
        if not self.is_planned:
            self.world.alone("operator", partial(self.undo, number))
            return
        if not self.plans:
            self.world.spawn("planner", partial(self.plan, number))
            self.world.run()
        self.world.alone("operator", self.commit)

    def _rounds(self) -> None:
        for _ in range(_ROUNDS):
            self.world.pass_time(20 * 60)
            self._act("sweep", partial(sweep.handler, {}, LambdaContext()), company=None)
            self.world.run()
            if not self._imports_in("queued", "validating", "running") and not self._is_open():
                return

    def _is_open(self) -> bool:
        items = self.world.dynamodb.tables[IMPORTS].items
        stopped = ("failed", "cancelled")
        return any(pk == "open#" for pk, _ in items) or any(
            sk.startswith("job#")
            and item["state"]["S"] in stopped
            and "rows" in item
            and "counts" not in item
            for (_, sk), item in items.items()
        )

    def again(self) -> None:
        """Deliver every event and run every step once more."""
        for event in list(self.machine.events):
            self.machine.deliver(event)
        for step in list(self.machine.steps):
            self.machine.call(step)
        self.world.run()


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
    run, rng = Undoers(lab, world), world.rng
    run.prepare()
    sheet = run.sheet()
    is_stopped = rng.random() < 0.25
    if is_stopped:
        world.fault_plan = fault_plan(rng)
        run.world.spawn("canceller", run._cancel_running)  # noqa: SLF001  # of the base class
    number = world.alone("importer", partial(run.bring, sheet)).result
    world.run()
    if number is None:
        return world, []
    if is_stopped:
        world.calm()
        run._rounds()  # noqa: SLF001
    job = run.job(number)
    if not _is_undoable(job):
        return world, []
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
    if rng.random() < 0.15:
        world.blackout = world.calls + rng.randrange(3, 80)
    world.run()
    run.finish(number)
    return world, check_undos(run, number)
