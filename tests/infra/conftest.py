"""The synthesized template of each stage, which is what the tests of infra read."""

import json
from collections.abc import Callable
from functools import cache
from typing import Any

import aws_cdk as cdk
import pytest

from infra.app import add_stack
from infra.stamp import ROOT

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
