"""Chunks are divided into batches, some of which are written concurrently."""

import gc
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import pytest
from botocore.awsrequest import AWSPreparedRequest

from shared.catalog_changes import new_product
from shared.catalog_requests import NewProduct
from shared.csv_format.planner import plan
from shared.csv_format.reader import records
from shared.row_entries import Entry, Import, InvalidRecord
from shared.row_reader import reader_of
from shared.store import bulk
from shared.store.patience import Patience
from shared.store.turns import Turns
from shared.workflows import import_chunk
from shared.workflows.import_chunk import read_batches
from tests.engine import Engine
from tests.functions.import_files import Files, counts, open_files
from tests.functions.shop import Shop

NOW = datetime(2026, 1, 2, tzinfo=UTC)
HEADER = "license__license_key,product__short_code,license__note,order__store_id\n"
TURNS: list[Turns] = []
"""Of the workers of a test: a request that is held up gives up the turn, as on a network."""


def entries_of(orders: list[str]) -> list[Entry | InvalidRecord]:
    """Rows of these orders; without a name each is an order of its own."""
    body = "".join(f"K-{n:05},kp,,{order}\n" for n, order in enumerate(orders))
    data = (HEADER + body).encode()
    dialect = plan([data]).dialect
    product = new_product("acme", NewProduct(product_name="K", short_code="kp"), {}, now=NOW)
    read = reader_of(Import("acme", 1, "licenses", NOW, {"kp": product}), dialect)
    rows = records(data[len(HEADER) :], dialect, first_row=1, first_line=2)
    return [read(row) for row in rows]


@pytest.mark.parametrize(
    ("orders", "sizes"),
    [
        (["web-1"] * 25, [10, 10, 5]),
        ([f"web-{n // 2}" for n in range(25)], [9, 8, 8]),
        ([""] * 12, [5, 5, 2]),
        ([*[""] * 3, *["web-1"] * 20], [10, 10, 3]),
        ([], []),
    ],
    ids=["one order", "two rows an order", "an order for each row", "mixed", "nothing"],
)
def test_a_batch_ends_by_its_rows_or_by_its_orders(
    monkeypatch: pytest.MonkeyPatch, orders: list[str], sizes: list[int]
) -> None:
    monkeypatch.setattr(import_chunk, "MOST_ORDERS", 5)

    assert [len(batch) for batch in read_batches(entries_of(orders), 10)] == sizes


def test_the_batches_behind_a_stop_are_those_that_would_have_followed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(import_chunk, "MOST_ORDERS", 5)
    entries = entries_of([f"web-{n * n // 40}" for n in range(60)])
    whole = [[*batch] for batch in read_batches(entries, 10)]

    done = 0
    for at, batch in enumerate(whole):
        assert [[*b] for b in read_batches(islice(entries, done, None), 10)] == whole[at:]
        done += len(batch)


@pytest.fixture
def files(shop: Shop, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Files]:
    """The company acme; every row of a file is a batch."""
    monkeypatch.setenv("IMPORT_INLINE_BYTES", "100000")
    monkeypatch.setattr(import_chunk, "BATCH_ROWS", 1)

    def patience(*arguments: Any) -> Patience:
        made = Patience(*arguments)
        TURNS.append(made.turns)
        return made

    monkeypatch.setattr(import_chunk, "Patience", patience)
    with open_files(shop) as files:
        yield files
    TURNS.clear()


def on_insert(files: Files, act: Callable[[str], object]) -> None:
    """Act before an INSERT of licenses is carried out, with its statements."""

    def hear() -> bool:
        statements = str(files.inserts.batches[-1])
        if "license_key" in statements:
            with TURNS[-1].released():
                act(statements)
        return False

    files.inserts.throttles = hear


def test_two_batches_are_written_at_once(files: Files) -> None:
    second = threading.Event()
    waited: list[bool] = []

    def hear(statements: str) -> None:
        if "K-1" in statements:
            waited.append(second.wait(5))
        if "K-2" in statements:
            second.set()

    on_insert(files, hear)
    job = files.imported(HEADER + "K-1,kp,,\nK-2,kp,,\nK-3,kp,,\n")

    assert waited == [True]
    assert counts(job, "created_licenses") == [3]


def test_a_batch_is_open_from_before_its_first_write_until_after_its_last(files: Files) -> None:
    sent: list[str] = []

    def hear(request: AWSPreparedRequest, **_: Any) -> None:
        operation = str(request.headers["X-Amz-Target"]).partition(".")[2]
        body = str(request.body)
        if '"open#"' in body:
            sent.append("open" if operation == "PutItem" else "close")
        elif "heartbeat_at" in body and operation == "UpdateItem":
            sent.append("check")
        elif operation == "BatchExecuteStatement" or '"page#' in body:
            sent.append("write")

    bulk.client().events.register_first("before-send.dynamodb.*", hear)
    files.imported(HEADER + "K-1,kp,,web-1\n")

    assert set(sent[:2]) == {"open", "check"}
    assert set(sent[2:-1]) == {"write"}
    assert sent[-1] == "close"


def test_a_batch_that_can_not_be_opened_writes_nothing(files: Files) -> None:
    def refuse(request: AWSPreparedRequest, **_: Any) -> None:
        if '"open#"' in str(request.body):
            raise PermissionError

    bulk.client().events.register_first("before-send.dynamodb.*", refuse)
    with pytest.raises(Exception, match="PermissionError"):
        files.imported(HEADER + "K-1,kp,,web-1\n")

    assert not files.inserts.batches


def test_of_two_batches_with_one_key_the_earlier_makes_the_license(
    files: Files, shop: Shop
) -> None:
    late = threading.Event()
    on_insert(files, lambda statements: "first" in statements and late.wait(0.5))

    files.imported(HEADER + "K-1,kp,first,\nK-1,kp,second,\n")

    (found,) = shop.get("/licenses/").json()["results"]
    assert found["note"] == "first"


def test_of_three_batches_the_last_waits_for_a_first_with_its_key(files: Files, shop: Shop) -> None:
    late = threading.Event()
    on_insert(files, lambda statements: "first" in statements and late.wait(0.5))

    files.imported(HEADER + "K-1,kp,first,\nK-2,kp,,\nK-1,kp,third,\n")

    found = shop.get("/licenses/").json()["results"]
    assert [each["note"] for each in found if each["license_key"] == "K-1"] == ["first"]


@pytest.mark.parametrize(
    ("columns", "first", "second"),
    [
        ("order__language", "en", "de"),
        ("customer__email", "ana@x.test", "ben@x.test"),
    ],
    ids=["other order", "other customer"],
)
def test_of_two_batches_with_one_order_the_earlier_describes_it(
    files: Files, shop: Shop, columns: str, first: str, second: str
) -> None:
    late = threading.Event()
    on_insert(files, lambda statements: "K-1" in statements and late.wait(0.5))
    header = f"license__license_key,product__short_code,order__store_id,{columns}\n"

    job = files.imported(f"{header}K-1,kp,web-1,{first}\nK-2,kp,web-1,{second}\n")

    assert counts(job, "warnings") == [1]


def test_of_two_batches_with_one_customer_the_earlier_describes_it(files: Files) -> None:
    late = threading.Event()
    on_insert(files, lambda statements: "K-1" in statements and late.wait(0.5))
    header = "license__license_key,product__short_code,customer__email,customer__city\n"

    job = files.imported(f"{header}K-1,kp,ana@x.test,Bern\nK-2,kp,ana@x.test,Basel\n")

    assert counts(job, "warnings") == [1]


def test_two_batches_that_describe_an_order_in_the_same_words_are_written_at_once(
    files: Files,
) -> None:
    second = threading.Event()
    waited: list[bool] = []

    def hear(statements: str) -> None:
        if "K-1" in statements:
            waited.append(second.wait(5))
        if "K-2" in statements:
            second.set()

    on_insert(files, hear)
    header = "license__license_key,product__short_code,order__store_id,customer__email\n"
    job = files.imported(f"{header}K-1,kp,web-1,ana@x.test\nK-2,kp,web-1,ana@x.test\n")

    assert waited == [True]
    assert counts(job, "created_licenses", "created_orders") == [2, 1]


def test_an_import_leaves_the_collector_of_garbage_as_it_was(files: Files) -> None:
    before = gc.get_threshold()

    files.imported(HEADER + "K-1,kp,,\n")

    assert gc.get_threshold() == before
