"""Schedules of undos: imports of every kind, their undo, and everything that interferes with it."""

import os
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions import job_status, start_import, sweep
from shared.import_job import ENDED
from tests.faults.changes import COMPANY, Changers
from tests.faults.check_undos import UndoWatch, visible
from tests.faults.history import IMPORTS
from tests.faults.world import NoFaults
from tests.http_event import Reply, send

_HEADER = "license__license_key,product__short_code,order__store_id,customer__email\n"
_KEYS = ("IMP-1", "IMP-2", "IMP-3", "IMP-4", "IMP-5")
PEOPLE = ("ana@x.test", "ben@x.test", "carl@x.test")
OLD_ORDER, NEW_ORDERS = "o-1", ("n-1", "n-2", "")
_TRIES, _ROUNDS, PATIENCE = 4, 8, 400


@dataclass(frozen=True)
class Sheet:
    """A file to import, with its options."""

    kind: str
    data: bytes
    options: dict[str, Any] = field(default_factory=dict)
    has_errors: bool = False
    """Whether some of its rows are refused whenever it is imported."""


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
        older = "".join(f"{key},kp,{OLD_ORDER},ana@x.test\n" for key in ("OLD-1", "OLD-2"))
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
                names = rng.sample((*PEOPLE, "zoe@x.test"), 3)
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
            code, order = rng.choice(("kp", "cp")), rng.choice((OLD_ORDER, *NEW_ORDERS))
            rows.append(f"{key},{code},{order},{rng.choice((*PEOPLE, ''))}\n")
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
        ended = ["succeeded", "completed_with_errors"]
        may_fail = sheet.has_errors or not self.is_alone
        if may_fail and sheet.options.get("on_error") == "reject_all":
            ended.append("rejected")  # another import has created a key for another product
        assert self.job(number)["state"]["S"] in ended
        return number

    def plan(self, number: int) -> None:
        """Request a dry run of an undo, and wait until it has a plan, to be committed."""
        reply = self._post_undo(number, dry_run=True)
        if reply is None or reply.status != 202:
            return
        planned = reply.json()["id"]
        for _ in range(PATIENCE):
            if self.job(planned)["state"]["S"] in ENDED:
                break
            self.world.wait()
        if "plan_hash" in self.job(planned):
            self.plans[planned] = self.job(planned)["plan_hash"]["S"]

    def plan_next_to_orders(self, number: int) -> None:
        """Run a dry run while orders name customers of the import, and delete these orders."""
        self.is_alone = False
        items, emails = [{"product_code": "kp", "licenses": [{}]}], PEOPLE[1:]
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
