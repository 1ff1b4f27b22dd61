"""A web page on the developer's machine reads nothing of the local stack, and changes nothing.

`console/test_foreign_page.py` tries it from a browser. The other tests of the console show that its
own pages and their uploads work behind the same guard.
"""

import io
import json
import zipfile
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import httpx
import pytest

from infra.local.stack import LocalStack
from tests.e2e.remote import RemoteShop, Tables, behind

FOREIGN = {
    "foreign origin": {"Origin": "http://evil.example"},
    "another port": {"Origin": "http://127.0.0.1:1"},
    "opaque origin": {"Origin": "null"},
    "rebound name": {"Host": "evil.example:4566"},
    "no origin, as an image": {"Sec-Fetch-Site": "cross-site"},
}
STOLEN = "stolen-by-a-page"


def lambda_function() -> dict[str, Any]:
    """A request body that runs code on this machine, were it accepted."""
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("stolen.py", "def handler(event, context): return 'here'")
    return {
        "FunctionName": STOLEN,
        "Runtime": "python3.13",
        "Role": "arn:aws:iam::000000000000:role/any",
        "Handler": "stolen.handler",
        "Code": {"ZipFile": b64encode(package.getvalue()).decode()},
    }


def attacks(stack: LocalStack) -> dict[str, httpx.Request]:
    """Requests that the emulator carries out for any tool of this machine."""
    aws, api = stack["aws_endpoint_url"], stack["api_url"]
    scan = {"X-Amz-Target": "DynamoDB_20120810.Scan", "Content-Type": "application/x-amz-json-1.0"}
    topic = {"Action": "CreateTopic", "Name": STOLEN, "Version": "2010-03-31"}
    return {
        "scan": httpx.Request(
            "POST", aws, headers=scan, json={"TableName": stack["tables"]["licenses"]}
        ),
        "put": httpx.Request("PUT", f"{aws}/{stack['uploads_bucket']}/{STOLEN}.txt", content=b"x"),
        "run": httpx.Request("POST", f"{aws}/2015-03-31/functions", json=lambda_function()),
        "topic": httpx.Request("GET", aws, params=topic),
        "api": httpx.Request("GET", f"{api}/healthz"),
        "preflight": httpx.Request(
            "OPTIONS", aws, headers={"Access-Control-Request-Method": "POST"}
        ),
    }


@pytest.fixture
def aws(stack: LocalStack) -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False, timeout=60) as client:
        yield client
    assert_nothing_was_made(stack)


def assert_nothing_was_made(stack: LocalStack) -> None:
    files = boto3.client("s3", **behind(stack)).list_objects_v2(
        Bucket=stack["uploads_bucket"], Prefix=STOLEN
    )
    topics: Any = boto3.client("sns", **behind(stack)).list_topics()
    functions: Any = boto3.client("lambda", **behind(stack)).list_functions()
    assert files["KeyCount"] == 0
    assert STOLEN not in json.dumps([topics["Topics"], functions["Functions"]])


@pytest.mark.parametrize("sender", FOREIGN)
def test_a_request_that_a_foreign_page_may_have_sent_is_refused(
    stack: LocalStack, aws: httpx.Client, shop: RemoteShop, sender: str
) -> None:
    for name, request in attacks(stack).items():
        request.headers.update(FOREIGN[sender])

        answer = aws.send(request)

        assert answer.status_code == 403, name
        assert next(iter(FOREIGN[sender])) in answer.text, name
        assert not [header for header in answer.headers if header.startswith("access-control")]


def test_tools_and_the_stack_s_own_pages_are_served(
    stack: LocalStack, aws: httpx.Client, tables: Tables
) -> None:
    address = urlsplit(stack["aws_endpoint_url"])
    own: list[dict[str, str]] = [
        {},
        {"Origin": f"http://localhost:{address.port}"},
        {"Sec-Fetch-Site": "same-origin"},
    ]
    for headers in own:
        request = attacks(stack)["scan"]
        request.headers.update(headers)
        answer = aws.send(request)
        assert answer.status_code == 200
        assert "access-control-allow-origin" not in answer.headers
    named = aws.get(f"http://localhost:{address.port}/_ministack/health")
    assert named.status_code == 200


def test_what_the_stack_writes_is_for_its_user_alone(stack: LocalStack, home: Path) -> None:
    folders = [home, *(home / name for name in ("state", "s3", "tmp"))]

    assert {folder.stat().st_mode & 0o777 for folder in folders} == {0o700}
    assert (home / "stack.json").stat().st_mode & 0o777 == 0o600
