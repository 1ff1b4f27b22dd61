"""The synthesized template of each stage, which is what the tests of infra read."""

import json
from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import Any

import aws_cdk as cdk
import pytest

from infra.app import add_stack
from infra.cli import stages
from infra.client.client import Client
from infra.stamp import ROOT
from shared.store.dynamo import table
from tests.engine import Engine
from tests.functions.shop import Shop
from tests.infra.served import Keywright, Served, deploy
from tests.openapi_asset import use_openapi_asset
from tests.partiql import inserting

Template = dict[str, Any]


@cache
def _synthesize(stage: str) -> Template:
    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    app = cdk.App(context=context | {"stage": stage})
    stack = add_stack(app)
    template: Template = app.synth().get_stack_by_name(stack.stack_name).template
    return template


@pytest.fixture(scope="session")
def synthesize() -> Callable[[str], Template]:
    return _synthesize


@pytest.fixture(scope="session", params=["local", "dev", "prod"])
def stage(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def template(stage: str) -> Template:
    """For what must hold in every stage."""
    return _synthesize(stage)


@pytest.fixture(scope="session")
def prod() -> Template:
    """For what does not differ between stages, and what prod adds."""
    return _synthesize("prod")


@pytest.fixture(scope="session", autouse=True)
def openapi() -> Iterator[None]:
    """The functions have the document that bundling makes."""
    with pytest.MonkeyPatch.context() as patch:
        use_openapi_asset(patch)
        yield


@pytest.fixture
def served(shop: Shop, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """The stage `test`, deployed and served, whose operator has the key of the company acme."""
    transport = Served()
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
def keywright(served: Served, capsys: pytest.CaptureFixture[str]) -> Keywright:
    return Keywright(capsys)
