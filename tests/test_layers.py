"""Who may import whom: functions stand on shared, shared on what is above it in its own order."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SHARED = (
    "errors",
    "wording",
    "strict_json",
    "stored_json",
    "values",
    "terms",
    "catalog",
    "customers",
    "licenses",
    "orders",
    "placing",
    "imports",
    "csv_encoding",
    "csv_cells",
    "csv_magic",
    "csv_header",
    "csv_file",
    "csv_block",
    "csv_plan",
    "csv_records",
    "bundle_keys",
    "rows",
    "cell_patterns",
    "importing",
    "differences",
    "access",
    "wire",
    "reports",
    "store",
)
"""A module of shared imports only from modules that stand before it; a package is one place."""
AWS = {"boto3", "botocore", "aws_lambda_powertools"}


def modules(folder: str) -> list[Path]:
    return sorted(path for path in (ROOT / folder).rglob("*.py") if path.name != "__init__.py")


def imports(path: Path) -> Iterator[str]:
    """Dotted names that a module imports, wherever in it; `from a import b` may mean `a.b`."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def packages(path: Path) -> set[str]:
    return {name.partition(".")[0] for name in imports(path)}


def place(path: Path) -> str:
    """The name by which a file of shared stands in the order."""
    return path.relative_to(ROOT / "shared").parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", modules("shared"), ids=str)
def test_shared_stands_on_itself_and_knows_neither_lambda_nor_cloud(path: Path) -> None:
    assert not packages(path) & {"functions", "infra", "aws_cdk", "aws_lambda_powertools"}
    if place(path) != "store":
        assert not packages(path) & AWS, "only shared.store knows AWS"


@pytest.mark.parametrize("path", modules("shared"), ids=str)
def test_a_module_of_shared_imports_only_what_stands_before_it(path: Path) -> None:
    here = place(path)
    assert here in SHARED, f"give shared/{here} its place in the order"
    used = {name.split(".")[1] for name in imports(path) if name.startswith("shared.")} - {here}

    assert not used - set(SHARED[: SHARED.index(here)])


@pytest.mark.parametrize("path", modules("functions"), ids=str)
def test_functions_know_nothing_of_the_cloud_that_runs_them(path: Path) -> None:
    assert not packages(path) & {"infra", "aws_cdk", "boto3"}


@pytest.mark.parametrize("path", modules("infra"), ids=str)
def test_infra_names_functions_and_only_its_operators_tools_use_shared(path: Path) -> None:
    assert "functions" not in packages(path)
    if path.parent == ROOT / "infra":
        assert "shared" not in packages(path)
        assert not [name for name in imports(path) if name.startswith("infra.ops")]
    else:
        assert "aws_cdk" not in packages(path)
