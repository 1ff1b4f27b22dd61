"""The synthesized template of each stage, which is what the tests of infra read."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from infra.cli import stages
from infra.client.client import Client
from shared.store.dynamo import table
from tests.engine import Engine
from tests.functions.shop import Shop
from tests.infra.served import Keywright, Served, deploy
from tests.moto_tables import kept_template
from tests.openapi_asset import use_openapi_asset
from tests.partiql import inserting

Template = dict[str, Any]


@pytest.fixture(scope="session")
def synthesize() -> Callable[[str], Template]:
    return partial(kept_template, whole=True)


@pytest.fixture(scope="session", params=["local", "dev", "prod"])
def stage(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def template(stage: str) -> Template:
    """For what must hold in every stage."""
    return kept_template(stage, whole=True)


@pytest.fixture(scope="session")
def prod() -> Template:
    """For what does not differ between stages, and what prod adds."""
    return kept_template("prod", whole=True)


@pytest.fixture(scope="session", autouse=True)
def openapi() -> Iterator[None]:
    """The functions have the document that bundling makes."""
    with pytest.MonkeyPatch.context() as patch:
        use_openapi_asset(patch)
        yield


@pytest.fixture
def served(shop: Shop, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """The stage `test`, deployed and served, whose operator has the key of the company acme."""
    transport = Served(invoked=engine.invoked)
    monkeypatch.setenv("KEYWRIGHT_API_KEY", shop.key)
    monkeypatch.setenv("IMPORT_INLINE_BYTES", "10000000")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("ACCESS_TABLE", table("ACCESS_TABLE"))
    pauses: list[float] = []
    opened = partial(Client, transport=transport, pause=pauses.append)
    monkeypatch.setattr(stages, "Client", opened)
    deploy()
    with inserting():
        yield transport


@pytest.fixture
def keywright(served: Served, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Keywright:
    return Keywright(capsys, tmp_path)
