"""Run Postman collections with Newman against a deployed stack."""

import json
import secrets
import subprocess
from pathlib import Path
from typing import Any

from infra.local.stack import LocalStack
from infra.stamp import ROOT
from infra.tools.postman import write
from shared.columns import template
from tests.e2e.remote import Operate, RemoteShop

DOORS = (
    ("licenses", "licenses/import_from_csv/", "licenses-import-results/{{id}}"),
    (
        "license-features",
        "licenses/import_features_from_csv/",
        "license-features-import-results/{{id}}",
    ),
    ("customers", "customers/import_from_csv/", "customers-import-results/{{id}}/"),
)
"""What the published collection sends, where to, and how it reads the result."""
LISTS = (
    "licenses-import-results/",
    "license-features-import-results/",
    "customers-import-results/?limit=30&status_iexact=success",
)
TAKEN = """
pm.test("exactly a job_id", () => pm.expect(pm.response.json()).to.have.all.keys("job_id"));
pm.environment.set("id", pm.response.json().job_id);"""
RESULT = """
pm.test("its own result, in a published word", () => {
  pm.expect(pm.response.json().id).to.eql(Number(pm.environment.get("id")));
  pm.expect(pm.response.json().status).to.be.oneOf(["pending", "running", "success", "error"]);
});"""
LIST = """
pm.test("a list", () => pm.expect(pm.response.json()).to.include.keys("count", "results"));"""


def newman(path: Path, stack: LocalStack, key: str) -> dict[str, Any]:
    """Run a collection whose files are next to it, and return the summary of a successful run."""
    report = path.with_suffix(".report.json")
    done = subprocess.run(
        [
            *(ROOT / "node_modules" / ".bin" / "newman", "run", path),
            *("--working-dir", path.parent, "--reporters", "cli,json", "--color", "off"),
            *("--reporter-json-export", report, "--timeout-request", "30000"),
            *("--env-var", f"base_url={stack['api_url']}", "--env-var", f"api_key={key}"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr
    run: dict[str, Any] = json.loads(report.read_text())["run"]
    return run


def published(name: str, path: str, after: str, *, file: str | None = None) -> dict[str, Any]:
    """A request as the published collection writes them.

    The content type of a form is named without its boundary, and a GET carries an empty body.
    """
    kind = "multipart/form-data" if file else "application/json"
    authorization = {"in": "header", "key": "Authorization", "value": "Api-Key {{api_key}}"}
    body: dict[str, Any] = {"mode": "raw", "raw": ""}
    if file:
        body = {"mode": "formdata", "formdata": [{"key": "file", "type": "file", "src": file}]}
    after += '\npm.test("answers 200", () => pm.response.to.have.status(200));'
    return {
        "name": name,
        "protocolProfileBehavior": {"disableBodyPruning": True},
        "request": {
            "auth": {
                "type": "apikey",
                "apikey": [{"key": key, "value": value} for key, value in authorization.items()],
            },
            "method": "POST" if file else "GET",
            "header": [
                {"key": "Accept", "value": "application/json"},
                {"key": "Content-Type", "value": kind},
            ],
            "body": body,
            "url": f"{{{{base_url}}}}/api/v1/{path}",
        },
        "event": [{"listen": "test", "script": {"exec": after.splitlines()}}],
    }


def test_the_collection_runs_from_its_first_request_to_its_last(
    stack: LocalStack, keys: Operate, tmp_path: Path
) -> None:
    key = keys("create", "--company", f"postman-{secrets.token_hex(4)}")["api_key"]
    path = write(tmp_path)

    run = newman(path, stack, key)

    made = sum(len(folder["item"]) for folder in json.loads(path.read_text())["item"])
    assert run["stats"]["requests"]["total"] >= made
    assert run["stats"]["assertions"]["total"] >= made


def test_the_import_requests_of_the_published_collection_pass_with_their_files(
    stack: LocalStack, shop: RemoteShop, tmp_path: Path
) -> None:
    """Acceptance case 92."""
    requests = []
    for kind, door, result in DOORS:
        (tmp_path / f"{kind}.csv").write_bytes(template(kind))
        requests += [
            published(f"Import {kind}", door, TAKEN, file=f"{kind}.csv"),
            published(f"Show the import of {kind}", result, RESULT),
        ]
    requests += [published(f"List {path}", path, LIST) for path in LISTS]
    schema = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
    path = tmp_path / "published.json"
    path.write_text(json.dumps({"info": {"name": "P", "schema": schema}, "item": requests}))

    run = newman(path, stack, shop.key)

    assert run["stats"]["requests"]["total"] == 9
    assert run["stats"]["assertions"]["total"] == 18
