"""What `keywright verify` proves of orders: every way in, and one that is cut off halfway."""

import json
import os
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3

from infra.ops.catalog import load_catalog
from infra.ops.client import ApiProblem
from infra.ops.trial import Failed, Trial, as_json, expect
from infra.stamp import ROOT
from shared.store import dynamo
from shared.store.unsettled import pending_orders

CATALOG = ROOT / "docs" / "catalog.yaml"
LARGE = 250
"""Licenses of an order that no single transaction can hold."""
EXIT_STATUS = 97
"""With which the process of an order ends itself halfway, and for no other reason."""
_CUSTOMER = {"email": "ana@verify.example"}
_PATH = "/orders/create_order"


def _order(id: str, licenses: int = 1, **more: Any) -> dict[str, Any]:
    item = {"product_code": "sketch", "licenses": [{"policy_code": "studio"}] * licenses}
    return {"id": id, "customer": _CUSTOMER, "items": [item], **more}


def make_catalog(trial: Trial) -> str:
    expect(trial.client.is_up(), f"{trial.stage.api_url}/healthz does not answer 200")
    made = load_catalog(trial.client, CATALOG)
    return f"the API answers; {made} products, policies and features made"


def place_with_and_without_slash(trial: Trial) -> str:
    """One order by both spellings: placed once, and the second time replayed."""
    ways, answers = [], []
    for path in (f"{_PATH}/", _PATH):
        answer = trial.client.probe("POST", path, body=_order("verify-slash"))
        if answer.status_code == 308:
            ways.append(f"POST {path} by a 308")
            answer = trial.client.probe("POST", _PATH, body=_order("verify-slash"))
        else:
            ways.append(f"POST {path} directly")
        expect(answer.is_success, f"POST {path} answered {answer.status_code}: {answer.text[:200]}")
        answers.append(answer)
    first, second = (answer.json()["license_keys"] for answer in answers)
    expect(first == second, f"the same order sent again issued {second} instead of {first}")
    expect("Idempotent-Replayed" in answers[1].headers, "the second answer was no replay")
    return f"{', '.join(ways)}; placed once, replayed once"


def place_bundle(trial: Trial) -> str:
    members = [{"product_code": code, "policy_code": "forever"} for code in ("sketch", "brushes")]
    body = {"id": "verify-bundle", "is_bundle": True, "customer": _CUSTOMER}
    body["items"] = [{"product_code": "bundle", "licenses": members}]
    placed = trial.client.orders.create(body)
    keys = set(placed.order.license_keys)
    expect(len(keys) == 1, f"a bundle of two products has {len(keys)} keys instead of one")
    return "one key for two products"


def append_to_order(trial: Trial) -> str:
    trial.client.orders.create(_order("verify-append"))
    trial.client.orders.create(_order("verify-append", append=True))
    count = trial.client.licenses.count(order_store_id="verify-append")
    expect(count == 2, f"an order of one license with one appended has {count}")
    return "one license appended to an order of one"


def place_large_order(trial: Trial) -> str:
    trial.client.orders.create(_order("verify-large", LARGE))
    count = trial.client.licenses.count(order_store_id="verify-large")
    expect(count == LARGE, f"an order of {LARGE} licenses shows {count}")
    return f"{LARGE} licenses in several transactions, all visible"


def roll_back_interrupted_order(trial: Trial) -> str:
    """Cut a large order off halfway, let it look 16 minutes old, and run the deployed sweeper."""
    _place_and_die(trial, _order("verify-cut", LARGE))
    pending = _pending(trial)
    expect(len(pending) == 1, f"the order that was cut off left {len(pending)} pending orders")
    _age(trial, *pending[0][1:3])
    with closing(boto3.client("lambda")) as functions:
        name = trial.resource("SweepOrders", "AWS::Lambda::Function")
        answer = functions.invoke(FunctionName=name, Payload=b"{}")
        done = as_json(answer["Payload"])
    if "FunctionError" in answer:
        raise Failed(f"the sweeper failed: {done}; read the log of {name}")
    expect(not _pending(trial), f"the sweeper left the order pending: {done}")
    placed = trial.client.orders.create(_order("verify-cut"))
    expect(not placed.replayed, "the order that was rolled back was answered as placed")
    count = trial.client.licenses.count(order_store_id="verify-cut")
    expect(count == 1, f"its id was used again for one license, and shows {count}")
    rights = "" if trial.is_local else " with the rights of its role"
    return (
        f"rolled back by the deployed sweeper{rights}, and its id used again; the process was"
        " killed on this machine and the age set by hand, so neither a time-out of Lambda nor the"
        " sweeper's schedule was seen"
    )


def refuse_reversed_dates(trial: Trial) -> str:
    query = "created_at__gte=2026-02-01T00:00:00Z&created_at__lt=2026-01-01T00:00:00Z"
    answer = trial.client.probe("GET", f"/orders/?{query}")
    if answer.status_code == 308:
        answer = trial.client.probe("GET", f"/orders?{query}")
    expect(
        answer.status_code == 400,
        f"GET /orders/ from February to January answered {answer.status_code}, not 400",
    )
    return "a range that ends before it begins is a 400"


def refuse_wrong_key(trial: Trial) -> str:
    with trial.stage.client(f"nobodyss.{'x' * 40}") as stranger:
        try:
            next(stranger.orders.list(), None)
        except ApiProblem as problem:
            expect(
                problem.code == "invalid_api_key",
                f"a key that does not exist is answered {problem.status} {problem.code}",
            )
            return f"a key that does not exist is a {problem.status}"
    raise Failed("a key that does not exist lists orders")


def _place_and_die(trial: Trial, order: dict[str, Any]) -> None:
    tables = {f"{name.upper()}_TABLE": table for name, table in trial.stage.tables.items()}
    given = {"company": trial.company, "order": order, "exit_status": EXIT_STATUS}
    done = subprocess.run(
        [sys.executable, "-m", "infra.ops.interrupted_order"],
        input=json.dumps(given),
        env=os.environ | tables,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != EXIT_STATUS:
        raise Failed(f"the order could not be cut off halfway: {done.stderr[-300:]}")


def _pending(trial: Trial) -> list[tuple[str, int, str, str]]:
    os.environ["ORDERS_TABLE"] = trial.stage.tables["orders"]
    before = datetime.now(UTC) + timedelta(minutes=1)
    return [found for found in pending_orders(before) if found[0] == trial.company]


def _age(trial: Trial, order_id: int, part: str) -> None:
    """Let 16 minutes pass for a pending order."""
    then = dynamo.stamp(datetime.now(UTC) - timedelta(minutes=16))
    with closing(boto3.client("dynamodb")) as dynamodb:
        dynamodb.update_item(
            TableName=trial.stage.tables["orders"],
            Key={
                "pk": {"S": dynamo.home(trial.company, order_id)},
                "sk": {"S": f"pending#{part}"},
            },
            UpdateExpression="SET created = :then",
            ConditionExpression="attribute_exists(pk)",
            ExpressionAttributeValues={":then": {"S": then}},
        )
