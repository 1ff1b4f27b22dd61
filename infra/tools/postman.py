"""The API as a Postman collection: `python -m infra.tools.postman DIR` (`make postman`).

If `.local/stack.json` exists, the collection has the URL and API key of the local stack and can be
run at once; only the owner of the file can read it.

It is generated from the OpenAPI document. The first folder is a tour that creates a product, places
an order and imports a file. The others have one request for each operation, with its example. Every
request checks that the document declares the status of its response, so Postman can run them all.
"""

import argparse
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from infra.asset import write_openapi
from infra.cli.stages import LOCAL_STACK
from infra.local.private import write_private
from infra.tools.tour import TOUR
from shared.columns import template
from shared.import_job import KINDS, Kind

FORMS: Mapping[str, Kind] = {
    "import_licenses": "licenses",
    "import_customers": "customers",
    "import_license_features": "license-features",
}
"""The kind of file that each multipart operation uploads."""

ANYWHERE = "https://api.example.com"
"""The base URL without a local stack."""

_SCHEMA = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
_SAMPLES = {"kind": "licenses", "product": "sketch"}

type Json = dict[str, Any]


def collection(document: Mapping[str, Any], *, base_url: str = ANYWHERE, api_key: str = "") -> Json:
    """Return the collection of an OpenAPI document; `base_url` and `api_key` are its variables."""
    operations = dict(_operations(document))
    folders: dict[str, list[Json]] = {}
    for operation in operations.values():
        folders.setdefault(operation["tags"][0], []).append(_item(operation))
    tour = [
        _item(operations[step.operation], name=step.name, body=step.body, ids=step.ids)
        | {"event": [_script("prerequest", step.before), _script("test", step.after)]}
        for step in TOUR
    ]
    return {
        "info": {
            "name": document["info"]["title"],
            "description": "Set the variables `base_url` and `api_key`, unless they are already"
            " those of your local stack. Set the working directory to the folder of this file,"
            " which contains the CSV files.",
            "schema": _SCHEMA,
        },
        "auth": {
            "type": "apikey",
            "apikey": [
                {"key": "in", "value": "header"},
                {"key": "key", "value": "Authorization"},
                {"key": "value", "value": "Api-Key {{api_key}}"},
            ],
        },
        "variable": [
            {"key": "base_url", "value": base_url},
            {"key": "api_key", "value": api_key},
        ],
        "item": [
            {"name": "Tour", "item": tour},
            *({"name": name, "item": items} for name, items in folders.items()),
        ],
    }


def _operations(document: Mapping[str, Any]) -> Iterator[tuple[str, Json]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield operation["operationId"], {**operation, "method": method.upper(), "path": path}


def _item(
    operation: Json, *, name: str = "", body: Any = None, ids: Mapping[str, str] | None = None
) -> Json:
    parameters = operation["parameters"]
    request: Json = {
        "method": operation["method"],
        "description": operation.get("description", ""),
        "header": [_query_parameter(each) for each in parameters if each["in"] == "header"],
        "url": _url(operation["path"], parameters, ids or {}),
    }
    if content := operation.get("requestBody", {}).get("content"):
        request["body"] = _body(operation["operationId"], content, body)
        if "application/json" in content:
            request["header"] += [{"key": "Content-Type", "value": "application/json"}]
    if not operation["security"]:
        request["auth"] = {"type": "noauth"}
    return {
        "name": name or operation["summary"],
        "request": request,
        "event": [_script("test", _documented(operation["responses"]))],
    }


def _documented(responses: Mapping[str, Any]) -> str:
    known = f"[{', '.join(responses)}]"
    return f"""
pm.test("answers as documented", () => {{
  pm.expect(pm.response.code).to.be.oneOf({known});
}});"""


def _url(path: str, parameters: list[Json], ids: Mapping[str, str]) -> Json:
    """Return a URL; `{id}` becomes a Postman path variable if it is a whole path segment."""
    variables = []
    for each in parameters:
        if each["in"] == "path":
            name = each["name"]
            value = ids.get(name, _SAMPLES.get(name, "1"))
            whole = f"/{{{name}}}/" in path
            path = path.replace(f"{{{name}}}", f":{name}" if whole else value)
            variables += [{"key": name, "value": value}] if whole else []
    query = [_query_parameter(each) for each in parameters if each["in"] == "query"]
    return {
        "raw": f"{{{{base_url}}}}{path}",
        "host": ["{{base_url}}"],
        "path": path.strip("/").split("/") + ([""] if path.endswith("/") else []),
        "query": query,
        "variable": variables,
    }


def _query_parameter(parameter: Json) -> Json:
    """Return a query parameter, enabled if it is required."""
    schema = parameter["schema"]
    value = _SAMPLES.get(parameter["name"], schema.get("default", ""))
    return {
        "key": parameter["name"],
        "value": str(value).lower() if isinstance(value, bool) else str(value or ""),
        "description": parameter.get("description", ""),
        "disabled": not parameter["required"],
    }


def _body(operation: str, content: Json, body: Any) -> Json:
    if "multipart/form-data" in content:
        file = {"key": "file", "type": "file", "src": f"{FORMS[operation]}.csv"}
        return {"mode": "formdata", "formdata": [file]}
    example = content["application/json"]["example"] if body is None else body
    return {
        "mode": "raw",
        "raw": json.dumps(example, indent=2, ensure_ascii=False),
        "options": {"raw": {"language": "json"}},
    }


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
