"""Dependencies are locked by hash and listed, and an audit without an answer fails."""

import json
import os
import subprocess
import sys
import tomllib
from shutil import which
from typing import Any

from infra.stamp import ROOT

PYTHON: list[dict[str, Any]] = tomllib.loads((ROOT / "uv.lock").read_text())["package"]
NODE: dict[str, dict[str, Any]] = json.loads((ROOT / "package-lock.json").read_text())["packages"]


def test_every_locked_python_package_is_held_to_its_hashes() -> None:
    foreign = [package for package in PYTHON if package["name"] != "keywright"]

    assert len(foreign) > 100
    for package in foreign:
        files = [*package.get("wheels", ()), *filter(None, [package.get("sdist")])]
        assert files, package["name"]
        assert all(file["hash"].startswith("sha256:") for file in files), package["name"]


def test_every_locked_node_package_is_held_to_its_hash() -> None:
    foreign = {path: package for path, package in NODE.items() if path}

    assert foreign
    assert all(package["integrity"].startswith("sha512-") for package in foreign.values())


def test_the_bill_of_materials_lists_what_is_locked() -> None:
    subprocess.run([which("make") or "make", "sbom"], cwd=ROOT, check=True, capture_output=True)

    python, node = (
        {
            (part["name"], part["version"])
            for part in json.loads((ROOT / ".build" / "sbom" / name).read_text())["components"]
        }
        for name in ("python.cdx.json", "node.cdx.json")
    )
    locked = {(each["name"], each["version"]) for each in PYTHON if each["name"] != "keywright"}
    assert python == locked
    assert node == {
        (path.rpartition("node_modules/")[2], p["version"]) for path, p in NODE.items() if path
    }


def test_what_can_not_be_looked_up_is_never_called_audited() -> None:
    """Port 9 answers nothing."""
    nowhere = dict.fromkeys(("HTTPS_PROXY", "https_proxy", "HTTP_PROXY"), "http://127.0.0.1:9")

    done = subprocess.run(
        [sys.executable, "-m", "infra.tools.audit"],
        cwd=ROOT,
        env=os.environ | nowhere | {"npm_config_fetch_retries": "0", "NO_PROXY": ""},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    assert done.stdout.count("not audited") == 2
    assert "known vulnerabilities" not in done.stdout
