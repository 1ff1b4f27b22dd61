"""Calls are noted for the function whose handler makes them, and for no other."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from functions import catalog, sweep
from shared.store import bulk, uploads
from shared.store.dynamo import client, table
from shared.store.patience import Patience
from shared.store.sender import Sender
from tests.functions.operations import OPERATIONS
from tests.functions.shop import Shop
from tests.grants.recorder import Recorder, outside
from tests.grants.template import short
from tests.wiretap import meanwhile, tapped

CATALOG, RECORDS, START = "functions.catalog", "functions.records", "functions.start_import"
KEY = {"pk": {"S": "acme"}, "sk": {"S": "kp"}}


@pytest.fixture
def recorder(tables: None, request: pytest.FixtureRequest) -> Recorder:
    """The recorder of this session."""
    plugin: Any = request.config.pluginmanager.get_plugin("grants")
    found: Recorder = plugin.recorder
    return found


def scan() -> None:
    """What no function may do."""
    client().scan(TableName=table("CATALOG_TABLE"))


def get() -> None:
    """What the catalog's function may do."""
    client().get_item(TableName=table("CATALOG_TABLE"), Key=KEY)


def recorded(recorder: Recorder) -> list[tuple[str, str]]:
    return [
        (problem.module, f"{problem.grant.action} {short(problem.grant.resource)}")
        for problem in recorder.take_problems()
        if problem.grant
    ]


SCAN = "dynamodb:Scan table/DataCatalog"


def test_a_call_that_is_granted_is_no_problem(recorder: Recorder) -> None:
    with recorder.inside(CATALOG):
        get()

    assert recorder.take_problems() == []


def test_a_call_that_is_not_granted_is_one_each_time(recorder: Recorder) -> None:
    with recorder.inside(CATALOG):
        scan()
    first = recorded(recorder)
    with recorder.inside(CATALOG):
        scan()

    assert first == recorded(recorder) == [(CATALOG, SCAN)]


def test_a_test_may_do_what_it_likes(recorder: Recorder) -> None:
    scan()
    with recorder.inside(CATALOG), outside():
        scan()

    assert recorder.take_problems() == []


def test_threads_of_a_pool_act_for_the_function(recorder: Recorder) -> None:
    with recorder.inside(CATALOG), ThreadPoolExecutor(2) as pool:
        pool.submit(scan).result()

    assert recorded(recorder) == [(CATALOG, SCAN)]


def test_an_untracked_thread_is_a_problem(recorder: Recorder) -> None:
    with recorder.inside(CATALOG):
        thread = threading.Thread(target=get)
        thread.start()
        thread.join()

    (problem,) = recorder.take_problems()
    assert "ThreadPoolExecutor.submit did not start" in problem.why


def test_a_call_within_a_call_is_not_the_functions(recorder: Recorder) -> None:
    with tapped() as tap, recorder.inside(CATALOG):
        tap.on("GetItem", meanwhile(scan))
        get()

    assert recorder.take_problems() == []


def test_a_function_that_runs_during_a_call_has_calls_of_its_own(recorder: Recorder) -> None:
    def other() -> None:
        with recorder.inside(RECORDS):
            scan()

    with tapped() as tap, recorder.inside(CATALOG):
        tap.on("GetItem", meanwhile(other))
        get()
        scan()

    assert recorded(recorder) == [(RECORDS, SCAN), (CATALOG, SCAN)]


def test_hand_signed_requests_are_calls(recorder: Recorder) -> None:
    with recorder.inside(CATALOG):
        item = {**KEY, "n": {"N": "1"}}
        patience = Patience(lambda: 900_000, lambda: None)
        Sender().run(bulk.put_larger("ACCESS_TABLE", item, "n", patience))

    assert recorded(recorder) == [(CATALOG, "dynamodb:PutItem table/DataAccess")]


def test_a_key_outside_the_patterns_is_not_granted(recorder: Recorder) -> None:
    with recorder.inside(START):
        for key in ("acme/licenses/a.csv", "acme/secrets/a.csv"):
            uploads.client().put_object(Bucket=uploads.bucket(), Key=key, Body=b"")

    assert recorded(recorder) == [(START, "s3:PutObject DataUploads/acme/secrets/a.csv")]


def test_a_missing_key_takes_the_right_to_list_the_bucket(recorder: Recorder) -> None:
    with recorder.inside(START), pytest.raises(ClientError):
        uploads.client().get_object(Bucket=uploads.bucket(), Key="_results/acme/1/a")

    assert recorded(recorder) == [
        (START, "s3:GetObject DataUploads/_results/acme/1/a"),
        (START, "s3:ListBucket DataUploads"),
    ]


def test_links_and_forms_are_calls_of_the_role_that_signs_them(recorder: Recorder) -> None:
    place = {"Bucket": uploads.bucket(), "Key": "acme/licenses/a.csv"}
    with recorder.inside(START):
        uploads.client().generate_presigned_url("get_object", Params=place)
        uploads.client().generate_presigned_post(uploads.bucket(), "acme/a.csv")

    assert recorded(recorder) == [
        (START, "s3:GetObject DataUploads/acme/licenses/a.csv"),
        (START, "s3:PutObject DataUploads/acme/a.csv"),
    ]


def test_a_name_that_the_functions_environment_lacks_is_a_problem(recorder: Recorder) -> None:
    with recorder.inside(CATALOG):
        client().get_item(TableName=table("ORDERS_TABLE"), Key=KEY)

    (problem,) = recorder.take_problems()
    assert (
        problem.why == "it names DataOrders, which none of its environment variables on AWS holds"
    )


def test_an_untranslatable_call_is_a_problem(recorder: Recorder) -> None:
    with recorder.inside(CATALOG):
        client().describe_table(TableName=table("CATALOG_TABLE"))

    (problem,) = recorder.take_problems()
    assert "dynamodb DescribeTable" in problem.why


def test_handlers_are_known_by_each_of_their_entries(
    shop: Shop, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    used: dict[str, set[Any]] = {}
    monkeypatch.setattr(recorder, "used", used)
    monkeypatch.setattr(recorder, "recording", True)

    shop.get("/products/")
    (listed,) = (each for each in OPERATIONS if str(each) == "GET /api/v1/orders/")
    listed.send(shop.key)
    sweep.handler({}, None)  # type: ignore[arg-type]  # it does not look at it

    assert catalog.handler is not None
    assert used.keys() == {CATALOG, RECORDS, "functions.sweep"}
