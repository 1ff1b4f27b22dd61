"""A sample catalog, one order of each kind, and imports of files put into the bucket.

The demo is repeatable: orders have fixed ids, so a second run replays the first responses, and
imports count the records that already exist.
"""

import json
import sys
import time
from typing import Any

import boto3

from infra.cli.catalog import load_catalog
from infra.cli.jobs import follow, show_job
from infra.cli.orders import show_placed
from infra.cli.stages import LOCAL_STACK, in_words
from infra.client.client import ApiProblem, Client
from infra.local.stack import LocalStack
from infra.local.steps import OpsError, console, step
from infra.stamp import ROOT

CATALOG = ROOT / "docs" / "catalog.yaml"
CUSTOMER = {"email": "ana@acme.example", "first_name": "Ana", "company_name": "Acme"}
ORDERS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    (
        "Two keys, valid for one year each",
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
        "One key that never expires",
        "demo-forever",
        {"product_code": "sketch", "licenses": [{"policy_code": "forever"}]},
    ),
    (
        "A user-based license",
        "demo-user",
        {
            "product_code": "cloud",
            "licenses": [{"license_type": "perpetual", "users": [{"email": "ben@acme.example"}]}],
        },
    ),
    (
        "A consumption license with 500 uses",
        "demo-consumption",
        {"product_code": "minutes", "licenses": [{}]},
    ),
    (
        "A bundle: one key for all of its products",
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
"""The license type of the second row is misspelled, to show a failed row."""

CUSTOMERS = """\
email,first_name,last_name,company_name
jana.mueller@example.com,Jana,Müller,Müller Söhne
inigo.pena@example.com,Íñigo,Peña,Peña y Hijos
"""
FILES = (
    ("Three licenses from another shop", "licenses", "licenses.csv", LICENSES),
    ("Two customers with non-ASCII names", "customers", "customers.csv", CUSTOMERS),
)
PATIENCE = 60
"""Seconds to wait until the bucket's notification has started an import."""


def show_demo(stack: LocalStack) -> None:
    """Create the sample records on the local stack and print them. Raises OpsError."""
    with Client(stack["api_url"], stack["api_key"]) as client:
        with step("Load the sample catalog"):
            load_catalog(client, CATALOG)
        for title, order_id, item in ORDERS:
            body: dict[str, Any] = {"id": order_id, "customer": CUSTOMER, "items": [item]}
            if "bundle" in order_id:
                body["is_bundle"] = True
            console.print(f"\n[bold]{title}")
            show_placed(client.orders.create(body), console=console)
        for title, kind, name, text in FILES:
            _import(client, stack, title, f"{stack['company']}/{kind}/{name}", text)
    console.print("\nThe stack keeps running; [bold]make down[/] stops it.")
    print_addresses(stack)


def print_addresses(stack: LocalStack) -> None:
    """Print the URLs and the API key, one per line."""
    for name, value in (
        ("Console", stack["console_url"]),
        ("API docs", f"{stack['api_url']}/docs"),
        ("API", stack["api_url"]),
        ("API key", stack["api_key"]),
    ):
        console.print(f"{name + ':':9} {value}", soft_wrap=True)
    console.print(
        f"To sign in to the console, enter the API key of the company {stack['company']}."
    )


def _import(client: Client, stack: LocalStack, title: str, key: str, text: str) -> None:
    """Put a file into the bucket, follow the import that it starts, and print the result."""
    console.print(
        f"\n[bold]{title}[/], uploaded to s3://{stack['uploads_bucket']}/{key}", soft_wrap=True
    )
    kind = key.split("/")[1]
    last = _newest(client, kind)
    s3 = boto3.client(
        "s3",
        endpoint_url=stack["aws_endpoint_url"],
        region_name=stack["region"],
        aws_access_key_id="test",
        aws_secret_access_key="test",  # noqa: S106 - the emulator accepts any
    )
    s3.put_object(Bucket=stack["uploads_bucket"], Key=key, Body=text.encode())
    until = time.monotonic() + PATIENCE
    while (number := _newest(client, kind)) == last:
        if time.monotonic() > until:
            raise OpsError(
                f"No import of {key} started within {PATIENCE} seconds. See the logs: docs/local.md"
            )
        time.sleep(0.2)
    job = follow(client, number, console=console, stage="local")
    show_job(client, job, console=console, stage="local")
    if job.failed_rows_url:
        console.print(f"  Download failed rows: GET /api/v1/imports/{number}/failed.csv")
    if job.state not in ("succeeded", "completed_with_errors"):
        raise OpsError(
            f"Import {number} is {in_words(job.state)}. See: keywright jobs show {number}"
        )


def _newest(client: Client, kind: str) -> int:
    """Return the number of the newest import of a kind; 0 without any."""
    return next((job.id for job in client.imports.list(kind=kind, limit=1)), 0)


def main() -> None:
    """Run the demo on the local stack."""
    try:
        show_demo(json.loads(LOCAL_STACK.read_text()))
    except (OpsError, ApiProblem) as error:
        sys.exit(f"\n{error}")


if __name__ == "__main__":
    main()
