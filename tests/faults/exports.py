"""Seeded schedules of exports, while licenses are ordered, deleted and issued again.

The model of Step Functions runs what the template says: a step is tried six times, and continues
after its caller has given up. The event of a failed execution may arrive twice or never.
"""

import csv
import io
import random
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import orjson
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from functions import export_chunk, job_status, sweep
from shared.export_job import ENDED
from tests.engine import EXPORT_MACHINE
from tests.faults.history import IMPORTS
from tests.faults.laboratory import COMPANIES, Laboratory
from tests.faults.machine import Machine, context
from tests.faults.wire import answer_of
from tests.faults.world import Actor, NoFaults, RandomFaults, World
from tests.http_event import Reply, send

COMPANY = COMPANIES[0]
MINUTE = 60
_TRIES, _ROUNDS, _PATIENCE = 6, 10, 300
_IMPORTED = tuple(f"IMP-{n}" for n in range(5))


@dataclass
class _Execution:
    """One execution of the state machine."""

    input: str
    status: str = "RUNNING"


@dataclass
class Exporters:
    """The exports of a company in one schedule."""

    lab: Laboratory
    world: World
    machine: Machine = field(init=False)
    executions: dict[str, _Execution] = field(default_factory=dict)
    ids: dict[str, int] = field(default_factory=dict)
    """The licenses that exist before any export, by key."""
    touched: set[str] = field(default_factory=set)
    """The keys of licenses that somebody tries to delete."""
    named: dict[str, set[int]] = field(default_factory=dict)
    """The numbers in responses, by `external_id`."""
    events: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.machine = Machine(self.world)
        imports = self.world.services["sfn"]

        def step(operation: str, request: AWSPreparedRequest) -> AWSResponse:
            body: Any = request.body
            sent = orjson.loads(body)
            named = str(sent.get("stateMachineArn") or sent.get("executionArn"))
            if not named.startswith(EXPORT_MACHINE.replace(":stateMachine:", ":execution:")) and (
                named != EXPORT_MACHINE
            ):
                return imports(operation, request)
            return self._step(operation, sent, request)

        self.world.services["sfn"] = step

    def stock(self) -> None:
        """Create licenses by orders and by an import, in both companies, without faults."""
        world = self.world
        for company in COMPANIES:
            shop = self.lab.shops[company]
            for n in range(3):
                licenses = [{"key": f"{company}-{n}-{at}"} for at in range(2 + n)]
                items = [{"product_code": "kp", "licenses": licenses}]
                customer = {"email": f"{company}-{n}@x.test"}
                order = partial(shop.order, id=f"o-{n}", items=items, customer=customer)
                placed = world.alone("customer", order, company=company).result
                if company == COMPANY:
                    found = placed.json()["order_items"][0]["licenses"]
                    self.ids |= {lic["license_key"]: lic["id"] for lic in found}
        self._import("\n".join(f"{key},kp" for key in _IMPORTED))
        listed = world.alone("reader", partial(self._send, "GET", "/licenses/"), company=COMPANY)
        for lic in listed.result.json()["results"]:
            self.ids[lic["license_key"]] = lic["id"]

    def stock_few(self) -> None:
        """Create five licenses by an order."""
        licenses = [{"key": f"{COMPANY}-0-{at}"} for at in range(5)]
        items = [{"product_code": "kp", "licenses": licenses}]
        order = partial(self.lab.shops[COMPANY].order, id="o-0", items=items)
        placed = self.world.alone("customer", order, company=COMPANY).result
        found = placed.json()["order_items"][0]["licenses"]
        self.ids |= {lic["license_key"]: lic["id"] for lic in found}

    def start(self, kind: str, name: str | None) -> None:
        """Request an export; with an `external_id`, up to three times."""
        body = {"kind": kind} | ({"external_id": name} if name else {})

        def act() -> None:
            for _ in range(3 if name else 1):
                asked = self._ask("POST", "/exports/", body)
                while not asked.done:
                    self.world.wait()
                if asked.error is None and asked.result.status == 202:
                    number = asked.result.json()["id"]
                    self.named.setdefault(name or str(number), set()).add(number)
                    return

        self.world.spawn("asker", act, company=COMPANY)

    def interfere(self, what: str) -> None:
        """Start one concurrent action of another client, or an environment change."""
        rng, world = self.world.rng, self.world
        match what:
            case "cancel" | "retry":
                path = f"/exports/{rng.randint(1, 2)}/{what}/"
                self._ask("POST", path, None, delay=rng.randrange(60))
            case "late cancel":
                world.spawn("canceller", self._cancel_completing, company=COMPANY)
            case "delete":
                key = rng.choice([*self.ids])
                self.touched.add(key)
                self._ask("DELETE", f"/licenses/{self.ids[key]}/", None, delay=rng.randrange(60))
            case "order":
                items = [{"product_code": "kp", "licenses": [{"key": f"NEW-{rng.random()}"}, {}]}]
                order = partial(self.lab.shops[COMPANY].order, items=items)
                world.spawn("customer", order, company=COMPANY)
            case "import":
                key = rng.choice([*self.ids])
                self._import(f"{key},kp\nNEW-{rng.random()},kp", wait=False)
            case "sweep":
                world.pass_time(rng.choice((0, 0, 20 * MINUTE)))
                self._sweep()
            case "blackout":
                world.blackout = world.calls + rng.randrange(3, 60)

    def recover(self) -> None:
        """Stop all faults, run the sweeper, and retry failed exports."""
        self.world.calm()
        for _ in range(_ROUNDS):
            self.world.pass_time(20 * MINUTE)
            self._sweep()
            self.world.run()
            states = self.states()
            for number, state in states.items():
                if state == "failed":
                    self._ask("POST", f"/exports/{number}/retry/", None)
            self.world.run()
            if all(state in ENDED and state != "failed" for state in states.values()):
                break
        for event in list(self.events):
            self._deliver(event)
        for number, state in self.states().items():
            if state in ENDED:
                self._call({"company": COMPANY, "number": number})
        self.world.run()

    def states(self) -> dict[int, str]:
        """The state of each export."""
        return {number: job["state"]["S"] for number, job in self.jobs().items()}

    def jobs(self) -> dict[int, Any]:
        items = self.world.dynamodb.tables[IMPORTS].items
        return {
            int(item["number"]["N"]): item
            for (pk, sk), item in items.items()
            if pk == COMPANY and sk.startswith("export#")
        }

    def _cancel_completing(self) -> None:
        """Cancel an export whose parts S3 is joining."""
        for _ in range(_PATIENCE):
            joining = [number for number, job in self.jobs().items() if "completing" in job]
            if joining:
                self._send("POST", f"/exports/{joining[0]}/cancel/")
                return
            self.world.wait()

    def _import(self, rows: str, *, wait: bool = True) -> None:
        text = f"license__license_key,product__short_code\n{rows}\n"
        self.world.s3.put(f"{COMPANY}/licenses/{self.world.rng.random()}.csv", text.encode())
        if wait:
            self.world.run()

    def _send(self, method: str, path: str, body: Any = None) -> Reply:
        shop = self.lab.shops[COMPANY]
        if path.startswith("/exports/"):
            return send(job_status.handler, method, f"/api/v1{path}", body=body, key=shop.key)
        return shop.send(method, path, body=body)

    def _ask(self, method: str, path: str, body: Any, *, delay: int = 0) -> Actor:
        def act() -> Reply:
            for _ in range(delay):
                self.world.wait()
            return self._send(method, path, body)

        return self.world.spawn(f"{method} {path}", act, company=COMPANY)

    def _sweep(self) -> None:
        self.world.spawn("sweep", partial(sweep.handler, {}, LambdaContext()))

    def _step(self, operation: str, sent: Any, request: AWSPreparedRequest) -> AWSResponse:
        result: dict[str, Any] = {"startDate": 1}
        if operation == "StartExecution":
            known = self.executions.get(sent["name"])
            if known and known.status != "RUNNING":
                return _refused(request, "ExecutionAlreadyExists")
            if known is None:
                known = self.executions[sent["name"]] = _Execution(sent["input"])
                self.world.spawn(f"execution {sent['name']}", partial(self._run, sent["name"]))
            result["executionArn"] = "arn"
        else:
            known = self.executions.get(sent["executionArn"].rpartition(":")[2])
            if known is None:
                return _refused(request, "ExecutionDoesNotExist")
            result |= {"status": known.status, "executionArn": "arn"}
        return answer_of(request, 200, orjson.dumps(result))

    def _run(self, name: str) -> None:
        execution = self.executions[name]
        state: dict[str, Any] = orjson.loads(execution.input) | {"done": False}
        rng = self.world.rng
        while not state["done"]:
            for _ in range(_TRIES):
                given_up = not self._is_calm and rng.random() < 0.1
                call = self._call(state)
                patience = rng.randrange(30) if given_up else -1
                while not call.done and patience != 0:
                    self.world.wait()
                    patience -= 1
                if call.done and call.error is None:
                    state = call.result
                    break
                self.world.pass_time(2)
            else:
                execution.status = "FAILED"
                self._fail(name)
                return
        execution.status = "SUCCEEDED"

    def _fail(self, name: str) -> None:
        execution = self.executions[name]
        detail = {"name": name, "status": "FAILED", "input": execution.input}
        self.events.append({"detail": detail})
        copies = 1 if self._is_calm else self.world.rng.choice((0, 1, 1, 2))
        for _ in range(copies):
            self._deliver({"detail": detail})

    def _deliver(self, event: dict[str, Any]) -> None:
        def act() -> None:
            for _ in range(3):
                call = self._call(event)
                while not call.done:
                    self.world.wait()
                if call.error is None:
                    return

        self.world.spawn("an event", act)

    def _call(self, event: dict[str, Any]) -> Actor:
        left = 900_000 if self._is_calm or self.world.rng.random() < 0.8 else 1000
        return self.world.spawn(
            "export-chunk", lambda: export_chunk.handler(event, context(left)), company=COMPANY
        )

    @property
    def _is_calm(self) -> bool:
        return isinstance(self.world.fault_plan, NoFaults)


def check_exports(exporters: Exporters) -> list[str]:
    """Return the violations of H1 to H3 by all exports of a schedule."""
    violations: list[str] = []
    for name, numbers in exporters.named.items():
        if len(numbers) > 1:
            violations.append(f"H3 external_id {name} has the exports {sorted(numbers)}")
    objects = exporters.world.s3.objects
    for number, job in exporters.jobs().items():
        state = job["state"]["S"]
        files = [key for key in objects if key.startswith(f"_exports/{COMPANY}/{number}/")]
        if state not in ("succeeded", "cancelled"):
            violations.append(f"H3 export {number} is {state}: {job.get('refusal')}")
        if len(files) != (state == "succeeded"):
            violations.append(f"H2 export {number} is {state} and has the files {files}")
        for key in files:
            violations += _wrong_file(exporters, number, job, exporters.world.s3.read(key) or b"")
    return violations


def _wrong_file(exporters: Exporters, number: int, job: Any, data: bytes) -> list[str]:
    """Return the violations of H1 by the file of an export."""
    is_licenses = job["kind"]["S"] == "licenses"
    rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    found = [row["license__license_key" if is_licenses else "email"] for row in rows]
    wanted = set(exporters.ids) - exporters.touched if is_licenses else set()
    if not is_licenses:
        wanted = {f"{COMPANY}-{n}@x.test" for n in range(3)}
    wrong = []
    if len(found) != len(set(found)):
        wrong.append(f"H1 export {number} has records twice: {sorted(found)}")
    if missing := wanted - set(found):
        wrong.append(f"H1 export {number} lacks {sorted(missing)}")
    if foreign := [name for name in found if name.startswith(COMPANIES[1])]:
        wrong.append(f"H1 export {number} has records of another company: {foreign}")
    counted = tuple(int(job.get(name, {"N": "0"})["N"]) for name in ("rows", "size"))
    if counted != (len(rows), len(data)):
        wrong.append(f"H1 export {number} counts {counted}, not {len(rows)} and {len(data)}")
    return wrong


def export(lab: Laboratory, seed: int) -> tuple[World, list[str]]:
    """Run one schedule; returns its world and the violations."""
    world = lab.world(seed)
    rng = world.rng
    exporters = Exporters(lab, world)
    exporters.stock()
    world.fault_plan = RandomFaults(rng, rng.choice((0, 0.02, 0.05, 0.15)), rng.choice((0.05, 0.3)))
    own = random.Random(f"exports {seed}")
    for n in range(own.choice((1, 1, 2))):
        kind = own.choice(("licenses", "licenses", "customers"))
        exporters.start(kind, own.choice((None, "ext-1", f"ext-{n}")))
    doings = (
        *("cancel", "late cancel", "retry", "delete", "delete"),
        *("order", "import", "sweep", "blackout"),
    )
    for _ in range(own.choice((0, 1, 2, 3, 4))):
        exporters.interfere(own.choice(doings))
    world.run()
    exporters.recover()
    return world, check_exports(exporters)


def _refused(request: AWSPreparedRequest, code: str) -> AWSResponse:
    return answer_of(request, 400, orjson.dumps({"__type": code, "message": code}))
