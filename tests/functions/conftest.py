"""What tests of handlers read in addition to responses."""

import json
import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest

from functions.web import api
from tests.engine import Engine
from tests.functions.importer import Importer
from tests.functions.log_lines import Out
from tests.openapi_asset import use_openapi_asset


class _Stdout:
    """Writes where stdout is now; Powertools remembers where it was."""

    def write(self, text: str) -> int:
        return sys.stdout.write(text)

    def flush(self) -> None:
        sys.stdout.flush()


@pytest.fixture
def out(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Out:
    """Everything that goes to the log."""
    monkeypatch.setattr(api.logger.handlers[0], "stream", _Stdout())
    return lambda: [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.fixture
def importer(importer: Importer, engine: Engine) -> Importer:
    """The company acme, and what runs its imports."""
    return replace(importer, engine=engine)


@pytest.fixture(scope="session", autouse=True)
def openapi() -> Iterator[None]:
    """The functions have the document that bundling makes."""
    with pytest.MonkeyPatch.context() as patch:
        use_openapi_asset(patch)
        yield
