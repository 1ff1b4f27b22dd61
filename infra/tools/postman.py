"""The API as a Postman collection: `python -m infra.tools.postman DIR` (`make postman`).

If `.local/stack.json` exists, the collection has the URL and API key of the local stack and can be
run at once; only the owner of the file can read it.

openapi-to-postmanv2 converts the OpenAPI document: a folder per tag, with the example of each
request and of its responses. The first folder is a tour that creates a product, places an order and
imports a file. Every request checks that the document declares the status of its response, so
Postman can run them all.
"""

import argparse
import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

from infra.asset import write_openapi
from infra.cli.stages import LOCAL_STACK
from infra.local.private import write_private
from infra.stamp import ROOT
from infra.tools.tour import TOUR, Step
from shared.columns import template
from shared.import_job import KINDS, Kind

CONVERTER = ROOT / "node_modules" / ".bin" / "openapi2postmanv2"
OPTIONS = "folderStrategy=Tags,parametersResolution=Example,enableOptionalParameters=false"

FORMS: Mapping[str, Kind] = {
    "import_licenses": "licenses",
    "import_customers": "customers",
    "import_license_features": "license-features",
}
"""The kind of file that each multipart operation uploads."""

ANYWHERE = "https://api.example.com"
"""The base URL without a local stack."""

_SAMPLES = {"id": 1, "kind": "licenses", "product": "sketch"}

type Json = dict[str, Any]


def collection(document: Mapping[str, Any], *, base_url: str = ANYWHERE, api_key: str = "") -> Json:
    """The collection of an OpenAPI document; `base_url` and `api_key` are its variables."""
    made = _convert(_prepared(document))
    requests: dict[str, Json] = {}
    for item in (item for folder in made["item"] for item in folder["item"]):
        operation = _operation(document, item["request"])
        item["event"] = [_script("test", _documented(operation["responses"]))]
        if kind := FORMS.get(operation["operationId"]):
            item["request"]["body"]["formdata"][0]["src"] = f"{kind}.csv"
        requests[operation["operationId"]] = item
    tour = [_tour_item(step, requests[step.operation]) for step in TOUR]
    made["info"]["description"] = (
        "Set the variables `base_url` and `api_key`, unless they are those of your local stack"
        " already. Set the working directory to the folder of this file, which holds the CSV files."
    )
    made["variable"] = [
        {"key": "base_url", "value": base_url},
        {"key": "api_key", "value": api_key},
        *(each for each in made["variable"] if each["key"] in _SAMPLES),
    ]
    made["item"] = [{"name": "A tour", "item": tour}, *made["item"]]
    return made


def _prepared(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """The document as the converter needs it.

    It fills parameters without an example with random text, and knows a file by its format only.
    """
    prepared = deepcopy(document)
    for operation in _operations(prepared):
        for each in operation["parameters"]:
            each["example"] = _SAMPLES.get(each["name"], each["schema"].get("default", ""))
        content = operation.get("requestBody", {}).get("content", {})
        if form := content.get("multipart/form-data"):
            form["schema"]["properties"]["file"]["format"] = "binary"
    return prepared


def _operations(document: Mapping[str, Any]) -> Iterator[Json]:
    for methods in document["paths"].values():
        yield from methods.values()


def _convert(document: Mapping[str, Any]) -> Json:
    with TemporaryDirectory() as folder:
        described, made = Path(folder, "openapi.json"), Path(folder, "collection.json")
        described.write_text(json.dumps(document), encoding="utf-8")
        subprocess.run(
            [CONVERTER, "--spec", described, "--output", made, "--options", OPTIONS],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        text = made.read_text(encoding="utf-8")
    text = text.replace("{{baseUrl}}", "{{base_url}}").replace("{{apiKey}}", "Api-Key {{api_key}}")
    return cast("Json", json.loads(text))


def _operation(document: Mapping[str, Any], request: Json) -> Json:
    """The operation that a converted request calls."""
    path = re.sub(r":(\w+)|{({\w+})}", _parameter, "/".join(request["url"]["path"]))
    operation: Json = document["paths"][f"/{path}"][request["method"].lower()]
    return operation


def _parameter(found: re.Match[str]) -> str:
    """A parameter of a path as in the document: `{id}` for `:id`, and `{kind}` for `{{kind}}`."""
    return f"{{{found[1]}}}" if found[1] else found[2]


def _tour_item(step: Step, item: Json) -> Json:
    request = deepcopy(item["request"])
    if step.body is not None:
        request["body"]["raw"] = json.dumps(step.body, indent=2, ensure_ascii=False)
    for variable in request["url"]["variable"]:
        variable["value"] = step.ids[variable["key"]]
    events = [_script("prerequest", step.before), _script("test", step.after)]
    return {"name": step.name, "request": request, "event": events}


def _documented(responses: Mapping[str, Any]) -> str:
    known = f"[{', '.join(responses)}]"
    return f"""
pm.test("answers as documented", () => {{
  pm.expect(pm.response.code).to.be.oneOf({known});
}});"""


def _script(listen: str, text: str) -> Json:
    return {
        "listen": listen,
        "script": {"type": "text/javascript", "exec": text.strip().splitlines()},
    }


def write(folder: Path, stack_file: Path = LOCAL_STACK) -> Path:
    """Write the collection and one CSV file of each kind; return the path of the collection."""
    folder.mkdir(parents=True, exist_ok=True)
    described = folder / "openapi.json"
    write_openapi(described)
    document = cast("Json", json.loads(described.read_bytes()))
    path = folder / "keywright.postman_collection.json"
    local: dict[str, str] = {}
    if stack_file.exists():
        stack = json.loads(stack_file.read_bytes())
        local = {"base_url": stack["api_url"], "api_key": stack["api_key"]}
    content = collection(document, **local)
    write_private(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")
    for kind in KINDS:
        (folder / f"{kind}.csv").write_bytes(template(kind))
    return path


def main() -> None:
    """Write the collection to the folder in the arguments."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="output folder")
    path = write(parser.parse_args().folder)
    print(f"Import {path} into Postman, or run it with newman.")
    if LOCAL_STACK.exists():
        print(f"It contains the URL and API key of the local stack, from {LOCAL_STACK}.")


if __name__ == "__main__":
    main()
