"""A sample catalog, an order of each kind over HTTP, and files dropped into the bucket to import.

Every order has an id of its own, so that a second run is answered with what the first one issued;
what is imported again is there already, and counted as such.
"""

import json
import sys
import time
from collections.abc import Iterator
from typing import Any

import boto3
import httpx
from rich import box
from rich.markup import escape
from rich.table import Table

from infra.ops.imports import answered, failed_rows, follow, rows_table, show_summary
from infra.ops.keys import LOCAL_STACK
from infra.ops.stack import LocalStack
from infra.ops.steps import OpsError, console, step

CATALOG: tuple[tuple[str, dict[str, Any]], ...] = (
    ("products", {"product_name": "Sketch", "short_code": "sketch", "max_activations": 2}),
    ("product-features", {"product": "sketch", "code": "export-pdf", "name": "PDF export"}),
    (
        "product-features",
        {
            "product": "sketch",
            "code": "renders",
            "name": "Renders",
            "feature_type": "consumption",
            "max_consumption": 100,
        },
    ),
    (
        "license-templates",
        {
            "product": "sketch",
            "code": "studio",
            "name": "Studio, for a year",
            "default_license_type": "time-limited",
            "valid_duration": "1y",
            "max_activations": 5,
        },
    ),
    (
        "license-templates",
        {
            "product": "sketch",
            "code": "forever",
            "name": "Forever",
            "default_license_type": "perpetual",
        },
    ),
    (
        "products",
        {"product_name": "Sketch Cloud", "short_code": "cloud", "authorization_method": "user"},
    ),
    (
        "products",
        {
            "product_name": "Render minutes",
            "short_code": "minutes",
            "default_license_type": "consumption",
            "max_consumptions": 500,
        },
    ),
    ("products", {"product_name": "Brushes", "short_code": "brushes"}),
    (
        "license-templates",
        {
            "product": "brushes",
            "code": "forever",
            "name": "Forever",
            "default_license_type": "perpetual",
        },
    ),
    (
        "products",
        {
            "product_name": "Sketch and brushes",
            "short_code": "bundle",
            "is_bundle": True,
            "bundle_products": ["sketch", "brushes"],
        },
    ),
)
CUSTOMER = {"email": "ana@acme.example", "first_name": "Ana", "company_name": "Acme"}
ORDERS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    (
        "Two keys, a year each",
        "demo-keys",
        {
            "product_code": "sketch",
            "licenses": [
                {"policy_code": "studio", "product_features": ["export-pdf", "renders"]},
                {"policy_code": "studio"},
            ],
        },
    ),
    (
        "One key for ever",
        "demo-forever",
        {"product_code": "sketch", "licenses": [{"policy_code": "forever"}]},
    ),
    (
        "A license that a user signs in to",
        "demo-user",
        {
            "product_code": "cloud",
            "licenses": [{"license_type": "perpetual", "users": [{"email": "ben@acme.example"}]}],
        },
    ),
    (
        "A budget of 500 uses",
        "demo-consumption",
        {"product_code": "minutes", "licenses": [{}]},
    ),
    (
        "A bundle: one key for all its products",
        "demo-bundle",
        {
            "product_code": "bundle",
            "licenses": [
                {"product_code": "sketch", "policy_code": "forever"},
                {"product_code": "brushes", "policy_code": "forever"},
            ],
        },
    ),
)

LICENSES = """\
license__license_key,product__short_code,license__license_type,license__valid_duration,order__store_id,customer__email
DEMO-IMPO-RTED-0001,sketch,time-limited,1y,shop-1001,ana@acme.example
DEMO-IMPO-RTED-0002,sketch,time-limitd,1y,shop-1001,ana@acme.example
DEMO-IMPO-RTED-0003,brushes,perpetual,,shop-1002,ben@acme.example
"""
"""The type of the second one is misspelled, to show what becomes of such a row."""

CUSTOMERS = """\
email,first_name,last_name,company_name
jana.mueller@example.com,Jana,Müller,Müller Söhne
inigo.pena@example.com,Íñigo,Peña,Peña y Hijos
"""
FILES = (
    ("Three licenses from another shop", "licenses", "licenses.csv", LICENSES),
    ("Two customers with names from everywhere", "customers", "customers.csv", CUSTOMERS),
)
PATIENCE = 60
"""Seconds in which the bucket tells of a new file."""


def show_demo(stack: LocalStack) -> None:
    headers = {"Authorization": f"Api-Key {stack['api_key']}"}
    with httpx.Client(
        base_url=f"{stack['api_url']}/api/v1", headers=headers, timeout=30, trust_env=False
    ) as api:
        with step("Load the sample catalog") as say:
            for path, body in CATALOG:
                say(f"{path} {body.get('code') or body['short_code']}")
                _send(api, f"/{path}/", body, unless="_exists")
        for title, order_id, item in ORDERS:
            body = {"id": order_id, "customer": CUSTOMER, "items": [item]}
            if "bundle" in order_id:
                body["is_bundle"] = True
            answer = _send(api, "/orders/create_order/", body)
            _show(title, answer)
        for title, kind, name, text in FILES:
            _import(api, stack, title, f"{stack['company']}/{kind}/{name}", text)
    console.print("\nThe stack keeps running; [bold]make down[/] stops it.")
    console.print(f"API:       {stack['api_url']}\nDocuments: {stack['api_url']}/docs")
    console.print(f"Key:       {stack['api_key']} [dim](company {stack['company']})")


def _import(api: httpx.Client, stack: LocalStack, title: str, key: str, text: str) -> None:
    """Drop a file into the bucket, as an operator would; its import starts by itself."""
    console.print(f"\n[bold]{title}[/], dropped as s3://{stack['uploads_bucket']}/{key}")
    kind = key.split("/")[1]
    last = _newest(api, kind)
    s3 = boto3.client(
        "s3",
        endpoint_url=stack["aws_endpoint_url"],
        region_name=stack["region"],
        aws_access_key_id="test",
        aws_secret_access_key="test",  # noqa: S106 - the emulator takes any
    )
    s3.put_object(Bucket=stack["uploads_bucket"], Key=key, Body=text.encode())
    until = time.monotonic() + PATIENCE
    while (number := _newest(api, kind)) == last:
        if time.monotonic() > until:
            raise OpsError(f"No import has begun {PATIENCE} seconds after {key} was dropped.")
        time.sleep(0.2)
    job = follow(api, number, console=console)
    show_summary(job, console=console)
    if job["failed_rows_url"]:
        console.print(rows_table(failed_rows(api, job)))
        console.print(f"  to be corrected and sent again: GET /api/v1/imports/{number}/failed.csv")
    if job["state"] not in ("succeeded", "completed_with_errors"):
        raise OpsError(f"Import {number} ended as {job['state']}: {job['refusal']}")


def _newest(api: httpx.Client, kind: str) -> int:
    """The number of the last import of a kind; 0 if there is none."""
    listed = answered(api.get(f"/{kind}-import-results/", params={"limit": 1}))["results"]
    return int(listed[0]["id"]) if listed else 0


def _send(
    api: httpx.Client, path: str, body: dict[str, Any], *, unless: str | None = None
) -> httpx.Response:
    """Post, and stop with the answer's own words if it is a refusal other than `unless`."""
    answer = api.post(path, json=body)
    if answer.is_error and not (unless and answer.json().get("code", "").endswith(unless)):
        raise OpsError(f"POST {path} answered {answer.status_code}:\n{answer.text}")
    return answer


def _show(title: str, answer: httpx.Response) -> None:
    order = answer.json()
    again = " [dim](placed before)" if answer.headers.get("Idempotent-Replayed") else ""
    console.print(f"\n[bold]{title}[/], order {order['store_id']}{again}")
    table = Table(box=box.ROUNDED)
    for column in ("Product", "License", "Type", "Valid", "Features"):
        table.add_column(column, no_wrap=column == "License")
    for item in order["order_items"]:
        for view in item["licenses"]:
            table.add_row(*map(escape, _cells(view)))
    console.print(table)
    for secret in order["new_passwords"]:
        console.print(
            f"  first password of {secret['email']}: [bold]{escape(secret['new_password'])}"
        )


def _cells(view: dict[str, Any]) -> Iterator[str]:
    users = ", ".join(user.get("email", "") for user in view.get("license_users") or [])
    features = ", ".join(
        grant["product_feature"]["code"] for grant in view.get("product_features") or []
    )
    yield str(view["product"]["short_code"])
    yield str(view.get("license_key") or users)
    yield str(view.get("license_type") or "")
    yield _validity(view)
    yield features


def _validity(view: dict[str, Any]) -> str:
    if view.get("validity_period"):
        return f"until {view['validity_period']}"
    if view.get("license_type") in ("time-limited", "subscription") and view.get("valid_duration"):
        return f"{view['valid_duration']} from activation"
    return "for ever"


def main() -> None:
    try:
        show_demo(json.loads(LOCAL_STACK.read_text()))
    except OpsError as error:
        sys.exit(f"\n{error}")


if __name__ == "__main__":
    main()
