"""What a file of licenses costs in requests and write units, counted where they are sent."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
from botocore.awsrequest import AWSPreparedRequest
from pydantic import BaseModel

from bench.units import item_bytes
from shared.customers import Customer
from shared.orders import Order
from shared.store import bulk, dynamo
from tests.engine import Engine
from tests.functions.import_files import Files, counts, open_files
from tests.functions.shop import Shop

ROWS, PER_ORDER = 500, 10
UNITS = {
    # License; order and its list by customer; pages of licenses and of orders; customer, pages.
    (10, False): {"LICENSES": 1, "ORDERS": 0.1 + 0.1 + 0.014 + 0.004, "CUSTOMERS": 0.1 + 0.004},
    (1, False): {"LICENSES": 1, "ORDERS": 1 + 1 + 0.014 + 0.012, "CUSTOMERS": 1 + 0.012},
    # The same, and the pointer by which a customer is found by its reference.
    (10, True): {"LICENSES": 1, "ORDERS": 0.218, "CUSTOMERS": 0.104 + 0.1},
    (1, True): {"LICENSES": 1, "ORDERS": 2.026, "CUSTOMERS": 1.012 + 1},
}
"""Write units per row of each table: by licenses per order, and if customers have references."""
COLUMNS = {
    "license__license_key": "G8HA-SRRZ-A6WK-{n:04}",
    "product__short_code": "kp",
    "license__license_type": "time-limited",
    "license__valid_duration": "1y",
    "license__max_activations": "5",
    "license__prevent_vm": "true",
    "license__subscription_id": "sub-{n:09}",
    "license__note": "moved from the old shop as ticket {n}",
    "order__store_id": "web-{order:07}",
    "order__language": "es",
    "order__campaign_params": "utm_source=newsletter&utm_campaign=spring",
    "customer__email": "buyer{order}@acme.example",
    "customer__first_name": "Ana",
    "customer__last_name": "Peña",
    "customer__company_name": "Acme {order} Ltd",
    "customer__phone": "34 600 000 000",
    "customer__address": "{order} Main Street",
    "customer__city": "Barcelona",
    "customer__country": "ES",
}
KEYS = {"pk", "sk", "listed", "created", "customer_orders", "n"}
INDEXES = (("listed", "created"), ("customer_orders", "created"), ("sold", "created"))


@dataclass
class Meter:
    """Every request of the bulk line, and the records that were written to each table.

    The items of a batch in Imports are no records: they are a few for thousands of rows.
    """

    requests: list[tuple[str, int]] = field(default_factory=list)
    items: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def hear(self, request: AWSPreparedRequest, **_: Any) -> None:
        operation = str(request.headers["X-Amz-Target"]).partition(".")[2]
        body: Any = request.body
        written = list(_written(operation, orjson.loads(body)))
        self.requests.append((operation, len(written)))
        names = {dynamo.table(f"{n}_TABLE"): n for n in ("LICENSES", "ORDERS", "CUSTOMERS")}
        for table, item in written:
            if table in names:
                self.items.setdefault(names[table], []).append(item)

    def units(self, table: str) -> float:
        """Write units for each row: one for each started KB, one for each index it is in."""
        units = (
            -(-item_bytes(item) // 1024) + sum(a in item and b in item for a, b in INDEXES)
            for item in self.items[table]
        )
        return round(sum(units) / ROWS, 3)


def _written(operation: str, body: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    if operation == "BatchExecuteStatement":
        for statement in body["Statements"]:
            table, names = re.findall(r'"(.*)" VALUE \{(.*)\}', statement["Statement"])[0]
            attributes = [name.strip("'").removesuffix("':?") for name in names.split(",")]
            yield table, dict(zip(attributes, statement["Parameters"], strict=True))
    elif operation == "PutItem":
        yield body["TableName"], body["Item"]


def sheet(per_order: int, *, references: bool) -> str:
    columns = COLUMNS | ({"customer__reference": "crm-{order}"} if references else {})
    rows = (
        ",".join(cell.format(n=n, order=n // per_order) for cell in columns.values())
        for n in range(ROWS)
    )
    return "\n".join((",".join(columns), *rows)) + "\n"


@pytest.fixture
def files(shop: Shop, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Files]:
    monkeypatch.setenv("IMPORT_INLINE_BYTES", "10000000")
    with open_files(shop) as files:
        yield files


@pytest.fixture
def meter(files: Files) -> Meter:
    """What an import of 500 licenses of 50 orders and customers sent."""
    return metered(files, PER_ORDER)


def metered(files: Files, per_order: int, *, references: bool = False) -> Meter:
    meter = Meter()
    bulk.client().events.register_first("before-send.dynamodb.*", meter.hear)
    job = files.imported(sheet(per_order, references=references))
    made = [ROWS, ROWS, ROWS // per_order]
    assert counts(job, "valid", "created_licenses", "created_orders") == made
    return meter


def test_a_write_request_holds_25_records_and_a_read_100(meter: Meter) -> None:
    # 500 licenses, 50 orders, 50 customers; where orders and customers are; the pages that list
    # licenses, orders and customers; the heartbeat, and the batch that is opened, reported and
    # closed.
    assert Counter(meter.requests) == {
        ("BatchExecuteStatement", 25): 24,
        ("BatchGetItem", 0): 2,
        ("PutItem", 1): 5,
        ("UpdateItem", 0): 1,
        ("DeleteItem", 0): 1,
    }


@pytest.mark.parametrize(
    ("per_order", "references", "most"),
    [(10, False, 1.35), (1, False, 4.1), (10, True, 1.45), (1, True, 5.1)],
)
def test_a_row_takes_few_write_units_with_its_order_and_customer(
    files: Files, per_order: int, references: bool, most: float
) -> None:
    meter = metered(files, per_order, references=references)

    units = {table: meter.units(table) for table in meter.items}
    assert units == pytest.approx(UNITS[per_order, references])
    assert sum(units.values()) <= most


def test_what_is_added_to_orders_takes_one_request_for_25_of_them(files: Files, shop: Shop) -> None:
    files.imported(sheet(PER_ORDER, references=False))
    meter = Meter()
    bulk.client().events.register_first("before-send.dynamodb.*", meter.hear)

    for name in ("b.csv", "b-again.csv"):
        text = sheet(PER_ORDER, references=False).replace("G8HA", "NEW1")
        assert files.imported(text, name=name).state == "succeeded"

    assert Counter(operation for operation, _ in meter.requests)["TransactWriteItems"] == 2
    page = shop.get("/orders/", "limit=100").json()
    counted = {order["licenses_count"] for order in page["results"]}
    assert (page["count"], counted) == (ROWS // PER_ORDER, {2 * PER_ORDER})


def test_a_license_is_at_most_a_kilobyte(meter: Meter) -> None:
    assert max(map(item_bytes, meter.items["LICENSES"])) <= 1024


@pytest.mark.parametrize(("table", "model"), [("ORDERS", Order), ("CUSTOMERS", Customer)])
def test_what_is_written_without_a_model_is_what_the_model_would_write(
    meter: Meter, table: str, model: type[BaseModel]
) -> None:
    pages = ("page#", "orders#")
    records = [item for item in meter.items[table] if not item["sk"]["S"].startswith(pages)]
    for item in records:
        record = model.model_validate(dynamo.from_item(item))

        own = {name: value for name, value in item.items() if name not in KEYS}
        assert own == dynamo.record_item(record)
