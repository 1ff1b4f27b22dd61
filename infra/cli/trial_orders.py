"""Steps of `keywright verify` for orders, including one that is interrupted before its commit."""

import json
import os
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3

from infra.cli.catalog import load_catalog
from infra.cli.trial import Failed, Trial, expect
from infra.client.client import ApiProblem
from infra.stamp import ROOT
from shared.store import dynamo
from shared.workflows.pending_orders import pending_orders

CATALOG = ROOT / "docs" / "catalog.yaml"
LARGE = 250
"""Licenses of an order that is too large for a single transaction."""
EXIT_STATUS = 97
"""Exit status of the process that stops before the commit of an order; used for nothing else."""
_CUSTOMER = {"email": "ana@verify.example"}
_PATH = "/orders/create_order"


def _order(id: str, licenses: int = 1, **more: Any) -> dict[str, Any]:
    item = {"product_code": "sketch", "licenses": [{"policy_code": "studio"}] * licenses}
    return {"id": id, "customer": _CUSTOMER, "items": [item], **more}


def make_catalog(trial: Trial) -> str:
    expect(trial.client.is_up(), f"{trial.stage.api_url}/healthz does not return 200")
    created = load_catalog(trial.client, CATALOG)
    return f"the API responds; created {created} products, policies and features"


def place_with_and_without_slash(trial: Trial) -> str:
    """Send one order to both paths: it is placed once and replayed once."""
    ways, answers = [], []
    for path in (f"{_PATH}/", _PATH):
        answer = trial.client.probe("POST", path, body=_order("verify-slash"))
        if answer.status_code == 308:
            ways.append(f"POST {path} by a 308")
            answer = trial.client.probe("POST", _PATH, body=_order("verify-slash"))
        else:
            ways.append(f"POST {path} directly")
        expect(answer.is_success, f"POST {path} returned {answer.status_code}: {answer.text[:200]}")
        answers.append(answer)
    first, second = (answer.json()["license_keys"] for answer in answers)
    expect(first == second, f"the retried order issued {second} instead of {first}")
    expect(
        "Idempotent-Replayed" in answers[1].headers, "the second response is not marked as replayed"
    )
    return f"{', '.join(ways)}; placed once, replayed once"


def place_bundle(trial: Trial) -> str:
    members = [{"product_code": code, "policy_code": "forever"} for code in ("sketch", "brushes")]
    body = {"id": "verify-bundle", "is_bundle": True, "customer": _CUSTOMER}
    body["items"] = [{"product_code": "bundle", "licenses": members}]
    placed = trial.client.orders.create(body)
    keys = set(placed.order.license_keys)
    expect(len(keys) == 1, f"a bundle of two products has {len(keys)} keys instead of one")
    return "issued one key for two products"


def append_to_order(trial: Trial) -> str:
    trial.client.orders.create(_order("verify-append"))
    trial.client.orders.create(_order("verify-append", append=True))
    count = trial.client.licenses.count(order_store_id="verify-append")
    expect(count == 2, f"an order of one license with one appended has {count} licenses")
    return "appended one license to an order"


def place_large_order(trial: Trial) -> str:
    trial.client.orders.create(_order("verify-large", LARGE))
    count = trial.client.licenses.count(order_store_id="verify-large")
    expect(count == LARGE, f"an order of {LARGE} licenses has {count}")
    return f"placed an order of {LARGE} licenses in several transactions"


def roll_back_interrupted_order(trial: Trial) -> str:
    """Interrupt a large order, set its age to 16 minutes, and run the deployed sweeper."""
    _interrupt(trial, _order("verify-cut", LARGE))
    pending = _pending(trial)
    expect(len(pending) == 1, f"the interrupted order left {len(pending)} pending orders, not 1")
    _set_age(trial, *pending[0][1:3])
    with closing(boto3.client("lambda")) as functions:
        name = trial.resource("SweepOrders", "AWS::Lambda::Function")
        answer = functions.invoke(FunctionName=name, Payload=b"{}")
        done = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        raise Failed(f"the sweeper failed: {done}. Read the logs of {name}")
    expect(not _pending(trial), f"the sweeper left the order pending: {done}")
    placed = trial.client.orders.create(_order("verify-cut"))
    expect(not placed.replayed, "the order that was rolled back was reported as already placed")
    count = trial.client.licenses.count(order_store_id="verify-cut")
    expect(count == 1, f"the new order of one license with the same id has {count} licenses")
    permissions = "" if trial.is_local else " with the permissions of its role"
    return (
        f"the deployed sweeper rolled the order back{permissions}, and its id can be reused; the"
        " process was killed on this machine and the age set by hand, so neither a Lambda timeout"
        " nor the sweeper's schedule was tested"
    )


def refuse_reversed_dates(trial: Trial) -> str:
    query = "created_at__gte=2026-02-01T00:00:00Z&created_at__lt=2026-01-01T00:00:00Z"
    answer = trial.client.probe("GET", f"/orders/?{query}")
    if answer.status_code == 308:
        answer = trial.client.probe("GET", f"/orders?{query}")
    expect(
        answer.status_code == 400,
        f"GET /orders/ from February to January returned {answer.status_code}, not 400",
    )
    return "a date range that ends before it starts is rejected with 400"


def refuse_wrong_key(trial: Trial) -> str:
    with trial.stage.client(f"nobodyss.{'x' * 40}") as unknown:
        try:
            next(unknown.orders.list(), None)
        except ApiProblem as problem:
            expect(
                problem.code == "invalid_api_key",
                f"an unknown API key gets {problem.status} {problem.code}",
            )
            return f"an unknown API key is rejected with {problem.status}"
    raise Failed("an unknown API key can list orders")


def _interrupt(trial: Trial, order: dict[str, Any]) -> None:
    tables = {f"{name.upper()}_TABLE": table for name, table in trial.stage.tables.items()}
    given = {"company": trial.company, "order": order, "exit_status": EXIT_STATUS}
    done = subprocess.run(
        [sys.executable, "-m", "infra.cli.interrupted_order"],
        input=json.dumps(given),
        env=os.environ | tables,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != EXIT_STATUS:
        raise Failed(f"the order could not be interrupted: {done.stderr[-300:]}")


def _pending(trial: Trial) -> list[tuple[str, int, str, str]]:
    os.environ["ORDERS_TABLE"] = trial.stage.tables["orders"]
    before = datetime.now(UTC) + timedelta(minutes=1)
    return [found for found in pending_orders(before) if found[0] == trial.company]


def _set_age(trial: Trial, order_id: int, part: str) -> None:
    """Set the age of a pending order to 16 minutes."""
    then = dynamo.stamp(datetime.now(UTC) - timedelta(minutes=16))
    with closing(boto3.client("dynamodb")) as dynamodb:
        dynamodb.update_item(
            TableName=trial.stage.tables["orders"],
            Key={
                "pk": {"S": dynamo.partition(trial.company, order_id)},
                "sk": {"S": f"pending#{part}"},
            },
            UpdateExpression="SET created = :then",
            ConditionExpression="attribute_exists(pk)",
            ExpressionAttributeValues={":then": {"S": then}},
        )
