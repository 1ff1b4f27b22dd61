"""Write the JSON Schema of each type of event to docs/events.md (`make docs`)."""

import json
from collections.abc import Iterator
from typing import Any, Literal

from pydantic import create_model

from infra.stamp import ROOT
from shared.events import DATA, TYPES, Event, EventType

PAGE = ROOT / "docs" / "events.md"
_MARK = "<!-- schemas -->"
_WIDTH = 120


def replace_schemas(page: str) -> str:
    """Return the page with the schemas of all types after its mark."""
    head, _, _ = page.partition(_MARK)
    return f"{head}{_MARK}\n{'\n'.join(_sections())}"


def schema_of(*names: EventType) -> dict[str, Any]:
    """Return the JSON Schema of the events of types that have the same data."""
    fields: Any = {
        "type": (Literal[names], ...),
        "data": (DATA[names[0]], ...),
    }
    made = create_model(names[0], __base__=Event, **fields)
    schema = made.model_json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **_untitled(schema)}


def _untitled(schema: Any) -> Any:
    """Return a schema without the titles, which repeat the names of fields."""
    if isinstance(schema, list):
        return [_untitled(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        name: _untitled(each)
        for name, each in schema.items()
        if not (name == "title" and isinstance(each, str))
    }


def _sections() -> Iterator[str]:
    """Yield the sections of the page; types with the same data share one."""
    of_data: dict[str, list[EventType]] = {}
    for name in TYPES:
        of_data.setdefault(DATA[name].__name__, []).append(name)
    for names in of_data.values():
        yield f"\n### {', '.join(f'`{name}`' for name in names)}\n"
        yield f"```json\n{_spelled(schema_of(*names))}\n```"
    yield ""


def _spelled(schema: Any, depth: int = 0) -> str:
    """Return JSON with a line for each member, and short members in one line."""
    flat = json.dumps(schema)
    if not isinstance(schema, dict) or len(flat) <= _WIDTH:
        return flat
    pad = "  " * (depth + 1)
    members = (f"{pad}{json.dumps(k)}: {_spelled(v, depth + 1)}" for k, v in schema.items())
    return "{\n" + ",\n".join(members) + "\n" + "  " * depth + "}"


def main() -> None:
    """Update the page."""
    PAGE.write_text(replace_schemas(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    print(f"Wrote {PAGE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
