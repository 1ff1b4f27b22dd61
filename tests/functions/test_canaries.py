"""Canary values go through orders, imports, errors and crashes, and must appear in no output.

Output is what an operator can read: logs, metrics, the inputs that Lambda and Step Functions
store, and the text of exceptions, which Lambda logs.
"""

import json
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest

from functions import import_csv, start_import, sweep
from functions.web import api, auth
from shared.store.dynamo import client, table
from tests.engine import Engine
from tests.functions.import_files import Context, Files, open_files
from tests.functions.importer import FORM, form, part
from tests.functions.shop import Shop
from tests.http_event import send

KEY, EMAIL, OWN_KEY = (
    "CANARY-KEY-7F3A",
    "canary-7f3a@x.test",
    "canary7f.canary7fcanary7fcanary7fcanary7f",
)
LOGGERS = (api.logger, import_csv.logger, sweep.logger, auth.logger)


class Stdout:
    """Whatever stdout is now; a logger keeps the stream that it was made with."""

    def write(self, text: str) -> int:
        return sys.stdout.write(text)


@dataclass
class Watch:
    """Secrets by what they are, and everything that was logged or sent."""

    files: Files
    engine: Engine
    capture: pytest.CaptureFixture[str]
    caplog: pytest.LogCaptureFixture
    secrets: dict[str, str] = field(default_factory=dict)
    exceptions: list[str] = field(default_factory=list)

    @property
    def shop(self) -> Shop:
        return self.files.shop

    def crashing(self, act: Callable[[], Any]) -> None:
        """Does what must crash, and keeps what Lambda would log of it."""
        with pytest.raises(Exception) as crash:  # noqa: PT011  # any, which is the point
            act()
        text = traceback.TracebackException.from_exception(crash.value)
        self.exceptions.append("".join(text.format()))

    def text(self) -> str:
        """All of it."""
        captured = self.capture.readouterr()
        calls = json.dumps([self.engine.invoked, self.engine.calls], default=str)
        return "\n".join([captured.out, captured.err, self.caplog.text, calls, *self.exceptions])

    def leaks(self) -> dict[str, str]:
        """Secrets that were revealed, each with the line that contains it."""
        lines = self.text().splitlines()
        return {
            what: line
            for what, secret in self.secrets.items()
            for line in lines
            if secret.lower() in line.lower()
        }


@pytest.fixture
def watch(
    shop: Shop,
    engine: Engine,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Watch]:
    monkeypatch.setenv("IMPORT_INLINE_BYTES", "1000")
    monkeypatch.setenv("IMPORT_CHUNK_BYTES", "200")
    monkeypatch.setenv("IMPORT_STATE_MACHINE", "machine")
    for logger in LOGGERS:
        for handler in logger.handlers:
            monkeypatch.setattr(handler, "stream", Stdout())
    with open_files(shop) as files:
        watch = Watch(files, engine, capsys, caplog)
        watch.secrets = {
            "a license key": KEY,
            "an e-mail": EMAIL.partition("@")[0],
            "a wrong API key": OWN_KEY.partition(".")[2],
            "the API key": shop.key.partition(".")[2],
        }
        yield watch


ORDER: dict[str, Any] = {
    "id": "o-1",
    "customer": {"email": EMAIL},
    "items": [
        {"product_code": "kp", "licenses": [{"key": KEY}, {}]},
        {"product_code": "up", "licenses": [{"users": [{"email": EMAIL}]}]},
    ],
}


def place_order(watch: Watch) -> None:
    """An order with a key of its own, a generated one, and a user's password."""
    body = watch.shop.order(**ORDER).ok()
    (new,) = body["new_passwords"]
    watch.secrets["a password"] = new["new_password"]
    keys = body["license_keys"]
    watch.secrets |= {f"license key {n}": key for n, key in enumerate(keys)}
    assert len(watch.secrets) == 7


def test_orders_and_their_refusals_tell_no_secret(watch: Watch) -> None:
    place_order(watch)
    shop = watch.shop

    statuses = [
        shop.order(**ORDER).status,
        shop.order(**ORDER | {"id": KEY}).status,
        shop.order(**ORDER | {"customer": {"email": f"{EMAIL} {KEY}"}}).status,
        shop.order(**ORDER | {"items": [{"product_code": KEY, "licenses": [{"key": KEY}]}]}).status,
        shop.order(**ORDER | {KEY: EMAIL}).status,
        shop.post("/orders/create_order/", f'{{"id": {KEY}, "{EMAIL}"').status,
        shop.post("/orders/create_order/", f'{{"{KEY}": 1, "{KEY}": 2}}').status,
        shop.post("/orders/create_order/", {}, headers={"Idempotency-Key": f"{KEY} "}).status,
        shop.post("/customers/", {"email": EMAIL}).status,
        shop.post("/customers/", {"email": EMAIL, "password": KEY}).status,
        shop.get("/licenses/", f"license_key={KEY}").status,
        shop.get("/licenses/", f"{KEY}={EMAIL}").status,
        shop.get("/customers/", f"email={EMAIL}").status,
        shop.get(f"/licenses/{KEY}/").status,
        shop.get(f"/{EMAIL}/").status,
        Shop("acme", OWN_KEY).get("/orders/").status,
        shop.send("GET", "/orders/", headers={"Authorization": f"Bearer {OWN_KEY}"}).status,
    ]

    assert statuses.count(200) == 3
    assert not {status for status in statuses if status >= 500}
    assert not watch.leaks()


def test_imports_and_their_refusals_tell_no_secret(watch: Watch) -> None:
    place_order(watch)
    head = "license__license_key,product__short_code,customer__email\n"
    rows = "".join(f"{KEY}-{n},{'kp' if n % 2 else KEY},{EMAIL}\n" for n in range(40))

    small = watch.files.imported(f"{head}{KEY}-a,kp,{EMAIL}\n{KEY},kp,{EMAIL}\n{KEY}-b,{KEY},x\n")
    features = watch.files.imported(
        f"license_key,code\n{KEY},f1\n{KEY}-no,f1\n{KEY},{KEY}\n", "license-features"
    )
    customers = watch.files.imported(
        f"email,first_name\n{EMAIL},A\n{EMAIL} no,{KEY}\n", "customers"
    )
    refused = [
        watch.files.imported(f"{KEY},{KEY}\n1,2\n").refusal,
        watch.files.imported(f'{head}{KEY},kp,"{EMAIL}\n').refusal,
        watch.files.imported(f"{head}{KEY},kp,{EMAIL}\n".encode() + b"\xff\x81").refusal,
    ]
    watch.files.run(watch.files.drop(head + rows))
    watch.files.by_machine()
    large = watch.files.last()
    sent = send(
        start_import.handler,
        "POST",
        "/api/v1/licenses/import_from_csv/",
        body=form(part(f"{head}{KEY}".encode(), name=KEY)),
        headers={"content-type": FORM},
        key=watch.shop.key,
    )

    assert {job.state for job in (small, features, customers, large)} == {"completed_with_errors"}
    assert all(refused)
    assert sent.status == 400
    assert watch.engine.calls
    assert not watch.leaks()


def damage(name: str, attribute: str) -> None:
    """Corrupt an attribute of every item, so that reading one fails with its content."""
    for item in client().scan(TableName=table(name))["Items"]:
        if attribute in item:
            item[attribute] = {"M": {"corrupt": item[attribute], "by": {"S": KEY}}}
            client().put_item(TableName=table(name), Item=item)


def test_crashes_tell_where_and_not_what(watch: Watch) -> None:
    place_order(watch)
    head = "license__license_key,product__short_code,customer__email\n"
    watch.files.run(watch.files.drop(f"{head}" + f"{KEY}-1,kp,{EMAIL}\n" * 40))
    job = watch.files.last()
    for name, attribute in (
        ("LICENSES_TABLE", "created_at"),
        ("CUSTOMERS_TABLE", "created_at"),
        ("ORDERS_TABLE", "created_at"),
    ):
        damage(name, attribute)

    crashed = [
        watch.shop.get("/licenses/", f"license_key={KEY}").status,
        watch.shop.get("/customers/", f"email={EMAIL}").status,
        watch.shop.order(**ORDER).status,
    ]
    events = [watch.files.drop(f"license_key,code\n{KEY},f1\n", "license-features")]
    watch.crashing(lambda: watch.files.run(events[0]))
    damage("IMPORTS_TABLE", "state")
    for step in ("plan", "finish"):
        event = {"step": step, "company": job.company, "number": job.number}
        watch.crashing(partial(watch.files.run, event))
    watch.crashing(lambda: sweep.handler({}, Context()))

    assert crashed == [500, 500, 500]
    assert not watch.leaks()


def test_what_is_looked_for_would_be_found(watch: Watch) -> None:
    """A watch that sees nothing would see no leak either."""
    import_csv.logger.info("planted", key=KEY)
    watch.engine.calls.append(("StartExecution", {"input": EMAIL}))
    watch.crashing(lambda: int(watch.shop.key))

    assert watch.leaks().keys() == {"a license key", "an e-mail", "the API key"}
