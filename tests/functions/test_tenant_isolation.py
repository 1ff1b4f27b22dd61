"""A company that knows every name and id of another one can neither read nor change them.

Generated from the OpenAPI document, so new operations and filters are tested.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import pytest

from shared.store import uploads
from shared.store.dynamo import client
from tests.engine import Engine
from tests.functions.import_files import Files, open_files
from tests.functions.operations import OPERATIONS
from tests.functions.shop import Shop
from tests.http_event import Reply
from tests.moto_tables import table_names

ORDER: dict[str, Any] = {
    "id": "secret-order",
    "customer": {"email": "secret@x.test", "first_name": "Secretia"},
    "items": [
        {"product_code": "kp", "licenses": [{"key": "SECRET-KEY-1"}, {"key": "SECRET-KEY-2"}]},
        {"product_code": "up", "licenses": [{"users": [{"email": "secret-user@x.test"}]}]},
    ],
}
FILES = {
    "licenses": "license__license_key,product__short_code\nSECRET-KEY-3,kp\nSECRET-KEY-4,nope\n",
    "customers": "email,first_name\nsecret-2@x.test,Secretia\nsecret-not-one,Secretia\n",
    "license-features": "license_key,code\nSECRET-KEY-1,f1\nSECRET-KEY-5,f1\n",
}
PAGING = {"limit", "offset"}
FREE = {"string", "integer"}
WITH_ID = [each for each in OPERATIONS if each.ids]
FILTERS = [
    (each, name)
    for each in OPERATIONS
    for name, schema in each.queries.items()
    if not each.ids and name not in PAGING and FREE & set(re.findall(r"\w+", json.dumps(schema)))
    if '"enum"' not in json.dumps(schema)
]


@dataclass(frozen=True)
class Known:
    """Everything by which a company's records can be named."""

    ids: frozenset[int]
    names: frozenset[str]

    def found_in(self, reply: Reply, *, sent: str = "") -> set[str]:
        """What of it an answer tells that was not sent; short numbers may be anybody's."""
        words = {str(id) for id in self.ids} | self.names
        found = {word for word in words if len(word) > 8 and word in reply.text}
        return {word for word in found if word not in sent}


@pytest.fixture
def files(shop: Shop, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Files]:
    """The company acme, with a record of every kind, imports that failed among them."""
    monkeypatch.setenv("IMPORT_INLINE_BYTES", "100000")
    assert shop.order(**ORDER).status == 200
    with open_files(shop) as files:
        for kind, text in FILES.items():
            job = files.imported(text, kind, "secret-file.csv")
            assert job.state == "completed_with_errors"
        mapping = {"columns": {"Secret": "email"}, "constants": {"city": "Secret City"}}
        files.run(files.prepared("Secret\nsecret@x.test\n", "customers", mapping=mapping))
        assert files.last().state == "succeeded"
        export = {"kind": "licenses", "external_id": "secret-export"}
        assert shop.post("/exports/", export).status == 202
        yield files


@pytest.fixture
def known(files: Files) -> Known:
    """As a stranger could know it who has seen all that acme can list."""
    lists = [each for each in OPERATIONS if each.method == "GET" and "limit" in each.queries]
    lists = [each for each in lists if not each.ids]
    found = [each.send(files.shop.key, query=f"limit=100&{each.needed}").text for each in lists]
    pages = [each.send(files.shop.key, query=f"limit=1&{each.needed}").json() for each in lists]
    ids = {int(id) for text in found for id in re.findall(r'"(?:id|job_id)": ?(\d+)', text)}
    names = {
        word for text in found for word in re.findall(r'"([^"]*secret[^"]*)"', text, re.IGNORECASE)
    }
    cursors = {page["cursor"] for page in pages if page["cursor"]}
    assert len(ids) > 20
    assert {"SECRET-KEY-3", "secret@x.test", "secret-order", "secret-2@x.test"} <= names
    return Known(frozenset(ids), frozenset(names) | cursors)


def stored() -> dict[str, Any]:
    """Every item of every table, and every version of every object."""
    kept: dict[str, Any] = {
        name: sorted(map(repr, client().scan(TableName=name)["Items"]))
        for name in table_names().values()
    }
    versions = uploads.client().list_object_versions(Bucket=uploads.bucket())["Versions"]
    return kept | {"": [(each["Key"], each["VersionId"]) for each in versions]}


def test_an_id_of_another_company_is_not_found_and_nothing_changes(
    files: Files, known: Known, other_shop: Shop
) -> None:
    other_shop.get("/products/")  # the first use of a key is noted
    before = stored()

    for operation in WITH_ID:
        for id in known.ids:
            reply = operation.send(other_shop.key, id=id, query=operation.needed)
            assert reply.status == 404, (operation, id, reply.text)
            assert not known.found_in(reply, sent=str(id)), (operation, id, reply.text)

    assert stored() == before
    for operation in sorted(WITH_ID, key=lambda each: each.method == "DELETE"):
        own = {
            operation.send(files.shop.key, id=id, query=operation.needed).status for id in known.ids
        }
        assert own - {404}, f"{operation}: its owner must be able to name one of these"


def test_a_filter_by_what_is_another_company_s_finds_nothing_of_it(
    known: Known, other_shop: Shop
) -> None:
    for operation, name in FILTERS:
        for value in [*map(str, known.ids), *known.names]:
            reply = operation.send(other_shop.key, query=urlencode({name: value}))

            assert reply.status < 500, (operation, name, value)
            assert not known.found_in(reply, sent=value), (operation, name, value, reply.text)


def test_an_operation_without_an_id_tells_nothing_of_another_company(
    known: Known, other_shop: Shop
) -> None:
    for operation in OPERATIONS:
        if operation.scope and not operation.ids:
            reply = operation.send(other_shop.key)

            assert reply.status < 500, operation
            assert not known.found_in(reply), (operation, reply.text)
