"""What tests of handlers and of the store stand on: the real store, over moto."""

from collections.abc import Iterator

import pytest
from botocore.session import Session
from moto import mock_aws

from functions.callers import forget_keys
from shared.store import uploads
from shared.store.dynamo import client, table
from tests.aws_requests import heard_requests
from tests.engine import Engine, running_engine
from tests.functions.import_desk import Desk, open_desk
from tests.functions.shop import Shop, open_shop, stocked_shop
from tests.moto_tables import make_bucket, make_tables, table_names

# The description of DynamoDB is read once for all tests. Sessions are not shared: boto3, which
# operators' commands and moto use, marks the one that it gets, and twice is once too often.
_LOADER = Session().get_component("data_loader")


def _new_session() -> Session:
    made = Session()
    made.register_component("data_loader", _LOADER)
    return made


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Empty tables, and a world in which no API key has been seen yet.

    Whatever is sent to AWS meanwhile must be what its service models describe.
    """
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    for env_name, name in table_names().items():
        monkeypatch.setenv(env_name, name)
    monkeypatch.setattr("botocore.session.get_session", _new_session)
    monkeypatch.setenv("UPLOADS_BUCKET", "uploads")
    forget_keys()
    with mock_aws():
        make_tables(client())
        make_bucket(uploads.client())
        with heard_requests() as heard:
            yield
    forget_keys()
    assert not heard.faults, "\n".join(heard.faults[:5])


@pytest.fixture
def access_table(tables: None) -> str:
    """The name of the Access table, in an empty store."""
    return table("ACCESS_TABLE")


@pytest.fixture
def api_key(tables: None) -> str:
    """An ordinary key of the company acme, as its owner sends it."""
    return open_shop("acme").key


@pytest.fixture
def shop(tables: None) -> Shop:
    """The company acme, with products."""
    return stocked_shop("acme")


@pytest.fixture
def other_shop(tables: None) -> Shop:
    """Another company, with the same products."""
    return stocked_shop("globex")


@pytest.fixture
def engine(tables: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """What runs imports: it notes what it is asked, and does nothing."""
    monkeypatch.setenv("IMPORT_FUNCTION", "import-csv")
    with running_engine() as engine:
        yield engine


@pytest.fixture
def desk(tables: None) -> Desk:
    """The company acme, which imports."""
    return open_desk()
