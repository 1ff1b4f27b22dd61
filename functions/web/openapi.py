"""Generate the OpenAPI 3.1 document when the functions are bundled.

`python -m functions.web.openapi functions/openapi.json` writes it from the annotations that the
routes run on. Nothing here runs in Lambda.
"""

import importlib
import sys
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from importlib.metadata import version
from pathlib import Path
from typing import Any

import orjson
from pydantic import TypeAdapter

from functions.web.api import Api, Operation
from functions.web.error_codes import CODES
from functions.web.problems import Problem, problem
from shared.access import ANY_SCOPE
from shared.errors import Fault, Refused

ROUTE_MODULES = (
    "create_order",
    "catalog",
    "records",
    "api_keys",
    "start_import",
    "job_status",
    "documents",
)

_REF = "#/components/schemas/"
_EXAMPLE = "#/components/examples/"
_SAMPLES: Mapping[str, Any] = {
    "date-time": "2026-01-31T12:00:00Z",
    "date": "2026-01-31",
    "string": "text",
    "integer": 1,
    "number": 1,
    "boolean": True,
}
_FORM: Mapping[str, Any] = {
    "schema": {
        "type": "object",
        "required": ["file"],
        "properties": {
            "file": {
                "type": "string",
                "contentMediaType": "text/csv",
                "description": "The file, with its name; the only part of the form.",
            }
        },
    },
    "encoding": {"file": {"contentType": "text/csv"}},
}

_RETRY_AFTER: Mapping[str, Any] = {"Retry-After": {"schema": {"type": "integer"}}}
_LOCATION: Mapping[str, Any] = {"Location": {"schema": {"type": "string", "format": "uri"}}}


def document(apis: Iterable[Api]) -> dict[str, Any]:
    """The OpenAPI document of some route modules."""
    apis = list(apis)
    operations = [operation for api in apis for operation in api.operations]
    schemas, components = _schemas(operations)
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        path = operation.path.replace("<", "{").replace(">", "}")
        methods = paths.setdefault(path, {})
        methods[operation.method.lower()] = _operation(operation, schemas, components)
    names = [operation.name for operation in operations]
    if twice := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"operations of the same name: {', '.join(sorted(twice))}")
    used = orjson.dumps(paths).decode()
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Keywright",
            "version": version("keywright"),
            "summary": "Orders, licenses and their catalog.",
            "description": (
                "Every error response is a `Problem` with a stable `code`. Wherever GET is served, "
                "HEAD is served too. Any other method gets a 405 with `Allow`."
            ),
        },
        "servers": [{"url": ".", "description": "The URL of this document."}],
        "tags": [{"name": name} for name in dict.fromkeys(each.tag for each in operations)],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": _reachable(components, used),
            "examples": {
                code: {"summary": CODES[code][1], "value": _problem(code)} for code in sorted(CODES)
            },
            "securitySchemes": {
                "ApiKey": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Authorization",
                    "description": "`Api-Key <prefix>.<secret>`",
                }
            },
        },
    }


def _schemas(operations: Iterable[Operation]) -> tuple[dict[Any, Any], dict[str, Any]]:
    """Schemas by (place, mode), and the components that they refer to."""
    inputs: list[tuple[str, Any, Any]] = [("Problem", "serialization", TypeAdapter(Problem))]
    for operation in operations:
        if operation.body is not None:
            inputs.append((f"{operation.name} body", "validation", TypeAdapter(operation.body)))
        if operation.query is not None:
            inputs.append((f"{operation.name} query", "validation", TypeAdapter(operation.query)))
        if operation.status != HTTPStatus.NO_CONTENT:
            answer = TypeAdapter(operation.returns)
            inputs.append((f"{operation.name} answer", "serialization", answer))
    schemas, whole = TypeAdapter.json_schemas(inputs, ref_template=_REF + "{model}")
    return {place: schema for (place, _), schema in schemas.items()}, whole.get("$defs", {})


def _reachable(components: Mapping[str, Any], used: str) -> dict[str, Any]:
    """The schemas that the paths refer to, directly or not; query models become parameters."""
    kept: dict[str, Any] = {}
    texts = [used]
    while texts:
        text = texts.pop()
        for name in components.keys() - kept.keys():
            if f'"{_REF}{name}"' in text:
                kept[name] = components[name]
                texts.append(orjson.dumps(components[name]).decode())
    return dict(sorted(kept.items()))


def _operation(
    operation: Operation, schemas: Mapping[str, Any], components: Mapping[str, Any]
) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "tags": [operation.tag],
        "parameters": [*_parameters(operation, schemas, components)],
        "security": [] if operation.scope is None else [{"ApiKey": _roles(operation.scope)}],
        "responses": _responses(operation, schemas, components),
    }
    if operation.description:
        described["description"] = operation.description
    if operation.scope is not None:
        described["x-required-scope"] = operation.scope
    if operation.body is not None:
        schema = schemas[f"{operation.name} body"]
        content = {"schema": schema, "example": example(schema, components)}
        described["requestBody"] = {"required": True, "content": {"application/json": content}}
    if operation.upload is not None:
        described["requestBody"] = {"required": True, "content": {"multipart/form-data": _FORM}}
    return described


def _roles(scope: str) -> list[str]:
    return [] if scope == ANY_SCOPE else [scope]


def _parameters(
    operation: Operation, schemas: Mapping[str, Any], components: Mapping[str, Any]
) -> Iterable[dict[str, Any]]:
    for name, kind in operation.ids.items():
        schema: dict[str, Any] = {"type": "string"}
        if kind is int:
            schema = {"type": "integer", "format": "int64", "minimum": 0, "maximum": 2**53 - 1}
        yield {"name": name, "in": "path", "required": True, "schema": schema}
    if operation.query is not None:
        model = _resolved(schemas[f"{operation.name} query"], components)
        required = model.get("required", ())
        for name, schema in model.get("properties", {}).items():
            described: dict[str, Any] = {
                "name": name,
                "in": "query",
                "required": name in required,
                "schema": schema,
            }
            if name not in required:
                described["allowEmptyValue"] = True  # it counts as absent
            if "description" in schema:
                described["description"] = schema["description"]
            yield described
    if operation.takes_idempotency_key:
        yield {
            "name": "Idempotency-Key",
            "in": "header",
            "required": False,
            "description": "Makes the request idempotent: the same key never acts twice.",
            "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
        }


def _responses(
    operation: Operation, schemas: Mapping[str, Any], components: Mapping[str, Any]
) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": HTTPStatus(operation.status).phrase}
    if operation.status == HTTPStatus.NO_CONTENT:
        content = {}
    elif operation.content_type == "application/json":
        schema = schemas[f"{operation.name} answer"]
        content = {"schema": schema, "example": example(schema, components)}
    else:
        content = {"schema": {"type": "string"}}
    if content:
        answer["content"] = {operation.content_type: content}
    responses = {str(operation.status): answer}
    if operation.moves:
        responses["307"] = {"description": "Follow `Location`", "headers": _LOCATION}
    if operation.pends:
        responses["202"] = {
            "description": "Not ready yet: repeat the request after `Retry-After` seconds",
            "headers": _RETRY_AFTER,
        }
    by_status: dict[int, list[str]] = {}
    for code in codes_of(operation):
        if code not in CODES:
            raise ValueError(f"{operation.name} refuses with {code}, which is not in CODES")
        by_status.setdefault(CODES[code][0], []).append(code)
    for status, codes in sorted(by_status.items()):
        responses[str(status)] = {
            "description": " or ".join(f"`{code}`" for code in codes),
            "content": {
                "application/problem+json": {
                    "schema": {"$ref": f"{_REF}Problem"},
                    "examples": {code: {"$ref": f"{_EXAMPLE}{code}"} for code in codes},
                }
            },
        }
    return responses


def codes_of(operation: Operation) -> list[str]:
    """All error codes of an operation: its own, and those of requests to it in general."""
    codes = dict.fromkeys(operation.refusals)
    if operation.body is not None:
        codes |= dict.fromkeys(("invalid_json", "validation_error", "body_too_large"))
    if operation.upload is not None:
        codes |= dict.fromkeys(
            ("not_multipart", "invalid_multipart", "file_required", "one_file_only")
        )
        codes["file_too_large"] = None
    if operation.query is not None:
        codes["validation_error"] = None
    if operation.scope is not None:  # refuses an unknown query parameter
        codes |= dict.fromkeys(("validation_error", "not_authenticated", "invalid_api_key"))
        if operation.scope != ANY_SCOPE:
            codes["permission_denied"] = None
        codes["unavailable"] = None
    if operation.ids:
        codes["not_found"] = None
    return [*codes, "internal_error"]


def _problem(code: str) -> dict[str, Any]:
    status, message = CODES[code]
    faults: tuple[Fault, ...] = ()
    if code == "validation_error":
        field, pointer = "items.0.product_code", "/items/0/product_code"
        faults = (Fault("required", "is required", field, pointer),)
    refused = Refused(code, message, faults=faults)
    described = problem(refused, docs="https://api.example.com/docs", request_id="JKJaXmPLvHcESHA=")
    return described.model_dump() | {"status": status}


def _resolved(schema: Mapping[str, Any], components: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" in schema:
        resolved: Mapping[str, Any] = components[schema["$ref"].removeprefix(_REF)]
        return resolved
    return schema


def example(schema: Mapping[str, Any], components: Mapping[str, Any]) -> Any:
    """An example for a schema: the model's own, or one made from the examples of its parts."""
    schema = {**_resolved(schema, components), **{k: v for k, v in schema.items() if k != "$ref"}}
    for word in ("example", "const", "default"):
        if word in schema and not schema.get("examples"):
            return schema[word]
    for word in ("examples", "enum"):
        if schema.get(word):
            return schema[word][0]
    for word in ("anyOf", "oneOf", "allOf"):
        if word in schema:
            return example(schema[word][0], components)
    return _made_up(schema, components)


def _made_up(schema: Mapping[str, Any], components: Mapping[str, Any]) -> Any:
    match schema.get("type"):
        case "object":
            return _object_example(schema, components)
        case "array":
            return [example(schema["items"], components)] if schema.get("items") else []
    return _SAMPLES.get(schema.get("format", "")) or _SAMPLES.get(schema.get("type", ""))


def _object_example(schema: Mapping[str, Any], components: Mapping[str, Any]) -> dict[str, Any]:
    required = schema.get("required", ())
    return {
        name: example(part, components)
        for name, part in schema.get("properties", {}).items()
        if name in required or "example" in part or part.get("examples")
    }


def main() -> None:
    """Write the document to the given path."""
    (out,) = map(Path, sys.argv[1:])
    modules = [importlib.import_module(f"functions.{name}") for name in ROUTE_MODULES]
    out.write_bytes(orjson.dumps(document(module.api for module in modules)))


if __name__ == "__main__":
    main()
