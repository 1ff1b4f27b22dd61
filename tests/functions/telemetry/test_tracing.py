"""Traces as sent to Lambda's X-Ray daemon."""

import importlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.client import BaseClient

from infra.stamp import ROOT
from tests import engine as engines
from tests.engine import Engine
from tests.functions import import_files
from tests.functions import shop as shops
from tests.functions.import_files import open_files
from tests.functions.shop import Shop
from tests.functions.test_canaries import EMAIL, KEY, ORDER

TRACE, CALL = "1-5759e988-bd862e3fe1be46a994272793", "53995c3f42cd8ad8"
HEAD = "license__license_key,product__short_code,customer__email\n"

type Span = dict[str, Any]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], list[Span]]]:
    """The functions, reloaded as Lambda loads those of a stage with tracing; and what they send."""
    with socket.socket(type=socket.SOCK_DGRAM) as daemon:
        daemon.bind(("127.0.0.1", 0))
        daemon.settimeout(0.2)
        monkeypatch.setenv("POWERTOOLS_TRACE_DISABLED", "false")
        monkeypatch.setenv("AWS_XRAY_DAEMON_ADDRESS", f"127.0.0.1:{daemon.getsockname()[1]}")
        monkeypatch.setenv("LAMBDA_TASK_ROOT", str(ROOT))
        monkeypatch.setenv("_X_AMZN_TRACE_ID", f"Root={TRACE};Parent={CALL};Sampled=1")
        plain = vars(BaseClient)["_make_api_call"]
        monkeypatch.setattr(BaseClient, "_make_api_call", plain)  # and so again at the end
        for name in list(sys.modules):
            if name.partition(".")[0] in ("functions", "aws_xray_sdk"):
                monkeypatch.delitem(sys.modules, name)
        for user in (shops, import_files):
            for name in ("catalog", "create_order", "records", "import_csv", "start_import"):
                if hasattr(user, name):
                    monkeypatch.setattr(user, name, importlib.import_module(f"functions.{name}"))
        runs = importlib.import_module("shared.store.executions")
        monkeypatch.setattr(engines, "client", runs.client)
        yield lambda: list(received(daemon))


def received(daemon: socket.socket) -> Iterator[Span]:
    while True:
        try:
            yield json.loads(daemon.recv(65536).partition(b"\n")[2])
        except TimeoutError:
            return


def noted(spans: list[Span], name: str) -> set[Any]:
    """Every value of an annotation."""
    return {span["annotations"][name] for span in spans if name in span.get("annotations", {})}


def test_a_trace_tells_what_was_at_work_and_nothing_that_was_sent(
    sent: Callable[[], list[Span]],
    engine: Engine,
    shop: Shop,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("IMPORT_INLINE_BYTES", "100")
    monkeypatch.setenv("IMPORT_CHUNK_BYTES", "100")
    monkeypatch.setenv("IMPORT_STATE_MACHINE", "machine")

    order = shop.order(**ORDER).json()
    again = shop.order(**ORDER | {"id": "o-2"})
    with open_files(shop) as files:
        files.run(files.drop(f"{HEAD}{KEY},kp,{EMAIL}\n" * 5, name="secret-name.csv"))
        files.by_machine()
        job = files.last()
    spans = sent()

    calls = [span for span in spans if span.get("namespace") == "aws"]
    handled = [span for span in spans if span["name"].startswith("##")]
    assert again.status == 409
    assert {span["trace_id"] for span in spans} == {TRACE}
    assert {span["parent_id"] for span in handled} == {CALL}
    assert "/api/v1/orders/create_order/" in noted(handled, "route")
    assert noted(handled, "order") == {order["id"]}
    assert noted(handled, "company") == {"acme"}
    assert noted(handled, "job") == {job.number}
    assert len(noted(handled, "chunk")) > 1
    assert {job.correlation_id} < noted(handled, "correlation_id")
    inside = {span["id"] for span in handled}  # the test has calls of its own, and so have threads
    traced = {
        (span["name"], span["aws"]["operation"]) for span in calls if span["parent_id"] in inside
    }
    assert {("dynamodb", "TransactWriteItems"), ("s3", "GetObject")} < traced
    assert any(span["aws"].get("table_name", "").startswith("DataImports") for span in calls)
    assert "NoSuchKey" in noted(calls, "code")
    everything = json.dumps(spans).lower()
    for secret in (KEY, EMAIL, shop.key.partition(".")[2], "secret-name", *order["license_keys"]):
        assert secret.lower() not in everything


def test_nothing_of_it_is_loaded_where_nothing_is_traced() -> None:
    code = (
        "import sys, functions.create_order, functions.import_csv, functions.sweep\n"
        "sys.exit(' '.join({'aws_xray_sdk', 'wrapt'} & sys.modules.keys()) or None)"
    )
    off = os.environ | {"POWERTOOLS_TRACE_DISABLED": "true"}

    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=off, capture_output=True, text=True, check=False
    )

    assert (ran.returncode, ran.stderr) == (0, "")
