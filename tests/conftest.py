"""Fixtures of the tests of handlers and of the store: the real store, over moto."""

import gc
from collections.abc import Iterator

import pytest

from shared.workflows import import_chunk
from tests import emulated
from tests.domain import refuse_a_store
from tests.empty_store import empty_store
from tests.engine import EXPORT_MACHINE, Engine, running_engine
from tests.functions.import_files import Files, open_files
from tests.functions.importer import Importer, new_importer
from tests.functions.shop import Shop, open_shop, stocked_shop

pytest_plugins = ["tests.grants.plugin", "tests.refusals.plugin"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--emulator",
        metavar="NAME=URL",
        help="run what needs a store on this emulator instead of on moto; see tests/emulated.py",
    )


def pytest_configure(config: pytest.Config) -> None:
    if named := config.getoption("--emulator"):
        emulated.begin(*named.split("=", 1))


def pytest_unconfigure() -> None:
    emulated.end()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    emulated.expect_known(items)


def pytest_collection_finish() -> None:
    """Leave out of every later garbage collection what lives as long as the tests do.

    That is some hundred MB, and going through them took a fifth of the time of handlers' tests.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture
def tables(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Empty tables, and a world in which no API key has been seen yet."""
    refuse_a_store(request.path)
    with empty_store(monkeypatch):
        yield


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
    """Lambda and Step Functions: they record the requests and run nothing."""
    monkeypatch.setenv("IMPORT_FUNCTION", "import-csv")
    monkeypatch.setenv("EXPORT_STATE_MACHINE", EXPORT_MACHINE)
    with running_engine() as engine:
        yield engine


@pytest.fixture
def importer(tables: None) -> Importer:
    """The company acme, which imports."""
    return new_importer()


@pytest.fixture
def files(shop: Shop, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Files]:
    """The company acme, whose small files are imported by one function."""
    monkeypatch.setenv("IMPORT_INLINE_BYTES", "100000")
    monkeypatch.setenv("IMPORT_CHUNK_BYTES", "1000")
    monkeypatch.setenv("IMPORT_STATE_MACHINE", "machine")
    with open_files(shop) as files:
        yield files


@pytest.fixture
def machine(files: Files, monkeypatch: pytest.MonkeyPatch) -> Files:
    """Every file is a large one; its chunks run from the last to the first, in small batches."""
    monkeypatch.setenv("IMPORT_INLINE_BYTES", "10")
    monkeypatch.setattr(import_chunk, "BATCH_ROWS", 3)
    return files
