"""Which modules may import which: domain, csv_format, contract, store, workflows, functions.

And which tests run on values alone.
"""

import ast
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from tests.domain import is_of_the_domain, refuse_a_store

ROOT = Path(__file__).parents[1]
SHARED = (
    "browser_rule",
    "errors",
    "wording",
    "strict_json",
    "stored_json",
    "values",
    "changed_meanwhile",
    "terms",
    "catalog",
    "catalog_requests",
    "catalog_changes",
    "customers",
    "licenses",
    "license_features",
    "license_changes",
    "license_users",
    "canonical_order",
    "orders",
    "bundle_requests",
    "issuing",
    "day_order",
    "import_job",
    "import_counts",
    "header_synonyms",
    "import_undo",
    "csv_format",
    "bundle_keys",
    "cell_types",
    "columns",
    "column_mapping",
    "exported_row",
    "cell_patterns",
    "import_header",
    "row_results",
    "planned_rows",
    "row_entries",
    "row_keys",
    "part_reader",
    "license_reader",
    "row_reader",
    "differences",
    "row_updates",
    "export_job",
    "access",
    "events",
    "search",
    "contract",
    "store",
    "workflows",
)
"""A module of shared imports only from modules before it; a package has one position."""
FUNCTIONS = ("telemetry", "web")
"""Packages of functions, below the modules that Lambda runs."""
INFRA = ("client", "cli", "local", "tools")
"""Packages of infra that are no constructs; each imports only from those before it."""
AWS = {"boto3", "botocore"}
AWS_PACKAGES = {"store", "workflows"}


EMULATED = AWS | {"moto", "functions", "infra"}
"""Packages that no test of the domain reaches, not even through what it imports."""


def modules(folder: str) -> list[Path]:
    return sorted(path for path in (ROOT / folder).rglob("*.py") if path.name != "__init__.py")


@cache
def imports(path: Path) -> tuple[str, ...]:
    """Dotted names that a module imports, anywhere in it; `from a import b` may mean `a.b`."""
    return tuple(_imports(path))


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def packages(path: Path) -> set[str]:
    return {name.partition(".")[0] for name in imports(path)}


def position(path: Path, folder: str) -> str:
    """The package or module directly in `folder` that a file belongs to."""
    return path.relative_to(ROOT / folder).parts[0].removesuffix(".py")


def dotted(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


@pytest.mark.parametrize("path", modules("shared"), ids=str)
def test_shared_imports_neither_lambda_nor_infrastructure(path: Path) -> None:
    assert not packages(path) & {"functions", "infra", "aws_cdk", "aws_lambda_powertools"}
    if position(path, "shared") not in AWS_PACKAGES:
        assert not packages(path) & AWS, "only shared.store and shared.workflows know AWS"


@pytest.mark.parametrize("path", modules("shared"), ids=str)
def test_a_module_of_shared_imports_only_from_modules_before_it(path: Path) -> None:
    here = position(path, "shared")
    assert here in SHARED, f"give shared/{here} its position"
    used = {name.split(".")[1] for name in imports(path) if name.startswith("shared.")} - {here}

    assert not used - set(SHARED[: SHARED.index(here)])


@pytest.mark.parametrize("path", modules("functions"), ids=str)
def test_functions_import_no_infrastructure_and_their_packages_no_handlers(path: Path) -> None:
    assert not packages(path) & {"infra", "aws_cdk", "boto3"}
    here = position(path, "functions")
    if here in FUNCTIONS:
        used = {name.split(".")[1] for name in imports(path) if name.startswith("functions.")}
        assert not used - set(FUNCTIONS[: FUNCTIONS.index(here) + 1])


@pytest.mark.parametrize("path", modules("infra"), ids=str)
def test_constructs_import_no_product_code_and_commands_no_cdk(path: Path) -> None:
    assert "functions" not in packages(path)
    here = position(path, "infra")
    used = {name.split(".")[1] for name in imports(path) if name.startswith("infra.")}
    if here not in INFRA:
        assert "shared" not in packages(path)
        assert not used & set(INFRA)
    else:
        assert "aws_cdk" not in packages(path)
        assert not used & set(INFRA[INFRA.index(here) + 1 :])
    if here == "client":
        assert used <= {"client"}


def ways_from(path: Path) -> dict[Path, list[str]]:
    """The modules of ours that a module imports, also through others, and by which way."""
    ways = {path: [path.name]}
    for here in (waiting := [path]):
        for part, module in imported(here):
            if module not in ways:
                ways[module] = [*ways[here], part]
                waiting.append(module)
    return ways


@cache
def imported(path: Path) -> tuple[tuple[str, Path], ...]:
    """The modules of ours that a module imports itself, each with its dotted name."""
    named = (part for name in imports(path) for part in (name, name.rpartition(".")[0]))
    files = ((part, ROOT.joinpath(*part.split(".")).with_suffix(".py")) for part in named)
    return tuple((part, module) for part, module in files if module.exists())


def reached(path: Path) -> dict[str, list[str]]:
    """The packages that a test imports, directly or through our modules, and by which way."""
    found: dict[str, list[str]] = {}
    for module, way in ways_from(path).items():
        for name in imports(module):
            found.setdefault(name.partition(".")[0], [*way, name])
    return found


@pytest.mark.parametrize(
    "path", [path for path in modules("tests/shared") if is_of_the_domain(path)], ids=str
)
def test_tests_of_the_domain_run_on_values(path: Path) -> None:
    assert {name: way for name, way in reached(path).items() if name in EMULATED} == {}


def test_a_test_of_the_store_is_seen_to_reach_aws() -> None:
    """What the test above looks for can be found, also through a module in between."""
    way = reached(ROOT / "tests" / "shared" / "store" / "test_import_cost.py")

    assert way.keys() >= {"botocore", "functions", "aws_lambda_powertools"}
    assert len(way["aws_lambda_powertools"]) > 2


def test_a_test_of_the_domain_gets_no_store() -> None:
    here = ROOT / "tests" / "shared"

    with pytest.raises(pytest.fail.Exception, match=r"test_terms\.py tests rules of the domain"):
        refuse_a_store(here / "test_terms.py")

    for stored in (
        here / "store" / "test_bulk.py",
        ROOT / "tests" / "functions" / "test_routes.py",
    ):
        refuse_a_store(stored)


def test_no_modules_import_each_other_in_a_circle() -> None:
    paths = {
        dotted(path): path for each in ("shared", "functions", "infra") for path in modules(each)
    }
    graph = {
        name: {
            parent
            for used in imports(path)
            for parent in (used, used.rpartition(".")[0])
            if parent in paths
        }
        for name, path in paths.items()
    }

    assert list(TopologicalSorter(graph).static_order())
