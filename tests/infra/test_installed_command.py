"""The wheel as `pip install` gives it: the command and the client, without the CDK."""

import os
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from infra.asset import UV
from infra.stamp import ROOT

LOADED = "import sys, infra.client; print(*sorted(sys.modules))"


@pytest.fixture(scope="module")
def installed() -> Iterator[Path]:
    """The `bin` folder of a new environment with the wheel and its locked dependencies."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        venv.create(folder / "venv", with_pip=False)
        binaries = folder / "venv" / "bin"
        uv("build", "--quiet", "--wheel", f"--out-dir={folder}", str(ROOT))
        locked = folder / "requirements.txt"
        export = "export --quiet --frozen --no-dev --no-emit-project"
        uv(*export.split(), f"--output-file={locked}")
        (wheel,) = folder.glob("*.whl")
        install = ("pip", "install", "--quiet", f"--python={binaries / 'python'}")
        uv(*install, f"--requirement={locked}")
        uv(*install, "--no-deps", str(wheel))
        uv("pip", "check", "--quiet", f"--python={binaries / 'python'}")
        yield binaries


def uv(*arguments: str) -> None:
    """Run uv from its cache, or from the package index if the cache lacks something."""
    command = [str(UV), *arguments]
    cached = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"UV_OFFLINE": "1"}, capture_output=True, check=False
    )
    if cached.returncode:
        subprocess.run(command, cwd=ROOT, check=True)


def run(binaries: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return subprocess.run(
        [binaries / words[0], *words[1:]],
        cwd=folder,
        env=kept | {"AWS_CONFIG_FILE": os.devnull, "AWS_EC2_METADATA_DISABLED": "true"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("words", [[], ["orders"], ["verify"], ["deploy"]])
def test_an_installed_command_prints_its_help(
    installed: Path, tmp_path: Path, words: list[str]
) -> None:
    done = run(installed, tmp_path, "keywright", *words, "--help")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: {' '.join(['keywright', *words])} ")


def test_an_installed_command_has_the_migration_packs(installed: Path, tmp_path: Path) -> None:
    done = run(installed, tmp_path, "keywright", "import", "--help")

    assert "cryptlex, cryptolens, edd, " in " ".join(done.stdout.split())


def test_importing_the_client_imports_neither_the_cdk_nor_boto3(
    installed: Path, tmp_path: Path
) -> None:
    installed_modules = run(installed, tmp_path, "python", "-c", LOADED)
    all_extras = run(Path(sys.executable).parent, ROOT, "python", "-c", LOADED)

    for done in (installed_modules, all_extras):
        modules = set(done.stdout.split())
        assert "infra.client.client" in modules, done.stderr
        assert not modules & {"aws_cdk", "boto3", "botocore", "constructs", "aws_lambda_powertools"}


def test_a_command_that_needs_the_cdk_names_the_extra(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "cdk.json").write_bytes((ROOT / "cdk.json").read_bytes())

    done = run(installed, tmp_path, "keywright", "deploy", "--stage", "dev")

    assert done.returncode == 2
    assert done.stderr == (
        "keywright: This command needs the AWS CDK: install keywright[deploy].\n"
    )


def test_a_command_that_needs_a_checkout_says_so(installed: Path, tmp_path: Path) -> None:
    done = run(installed, tmp_path, "keywright", "deploy", "--stage", "dev")

    assert done.returncode == 2
    assert f"There is no cdk.json in {tmp_path}: run this command in a checkout" in done.stderr


def test_a_stage_without_a_region_is_reported_outside_of_a_checkout(
    installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)

    done = run(installed, tmp_path, "keywright", "jobs", "list", "--stage", "staging")

    assert done.returncode == 2
    assert "set AWS_REGION" in done.stderr
