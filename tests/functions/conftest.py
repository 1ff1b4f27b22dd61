"""What tests of handlers read in addition to responses."""

import json
import sys
from collections.abc import Iterator

import pytest

from functions.web import api
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


@pytest.fixture(scope="session", autouse=True)
def openapi() -> Iterator[None]:
    """The functions have the document that bundling makes."""
    with pytest.MonkeyPatch.context() as patch:
        use_openapi_asset(patch)
        yield
