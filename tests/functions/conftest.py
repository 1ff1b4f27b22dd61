"""What tests of handlers read in addition to responses."""

import json
import sys
from collections.abc import Iterator

import pytest

from functions.web import api
from tests.engine import Engine
from tests.functions.import_files import Files, open_files
from tests.functions.log_lines import Out
from tests.functions.shop import Shop
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


@pytest.fixture(scope="session", autouse=True)
def openapi() -> Iterator[None]:
    """The functions have the document that bundling makes."""
    with pytest.MonkeyPatch.context() as patch:
        use_openapi_asset(patch)
        yield


@pytest.fixture
def files(shop: Shop, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Files]:
    """The company acme, whose small files are imported by one function."""
    monkeypatch.setenv("IMPORT_INLINE_BYTES", "100000")
    monkeypatch.setenv("IMPORT_CHUNK_BYTES", "1000")
    monkeypatch.setenv("IMPORT_STATE_MACHINE", "machine")
    with open_files(shop) as files:
        yield files
