"""What a file of each kind may hold, for a browser: `python -m functions.console.rules OUT.json`.

Made out of the row models when the functions are bundled; nothing here runs in Lambda. A rule is a
step that a cell goes through, as `static/rules.js` knows them; its code and message are what the
model itself says of a sample that breaks it. A model with a check that has no rule here stops the
build.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeAliasType, Union, get_args, get_origin

from annotated_types import MaxLen
from pydantic import AfterValidator, BeforeValidator, StringConstraints, ValidationError
from pydantic.fields import FieldInfo

from shared.columns import KINDS, NO_VALUE, Kind, Part, faults_of_row
from shared.csv_format.block import MAX_FIELD
from shared.csv_format.dialect import DELIMITERS
from shared.csv_format.file_type import MAGIC
from shared.csv_format.header import MAX_COLUMNS, MAX_HEADER, REPORT_COLUMNS
from shared.csv_format.reader import DAMAGE, MAYBE_DAMAGED
from shared.values import (
    CONTROL,
    DURATION,
    EMAIL,
    FORMAT,
    LINE_BREAKS,
    MAINTENANCE_DURATION,
    MOMENT,
    PERIODS,
    ZERO_TIMES,
)

_CHECKS: Mapping[str, tuple[dict[str, Any], str | None]] = {
    "_truth": ({"match": "^(1|true|yes|0|false|no)$", "trim": True, "lower": True}, "?"),
    "_whole": ({"match": "^[0-9]{1,10}$", "trim": True, "most": 2_147_483_647}, "?"),
    "_undamaged": ({"sound": True}, "#REF!"),
    "_transfers": ({"match": "^(-1|[0-9]{1,10})$", "trim": True, "most": 2_147_483_647}, "?"),
    "_no_value": ({"unset": [NO_VALUE], "whole": True}, None),
    "_object": ({"json": True}, "?"),
    "small_json": ({}, None),
    "_trimmed": ({"trim": True}, None),
    "_one_line": ({"fold": LINE_BREAKS.pattern}, None),
    "_printable": ({"without": CONTROL.pattern}, "a@b\x01"),
    "_visible": ({"visible": True}, "a@b\u200bc"),
    "_identifier": ({"ends": True}, None),
    "_unset_zero_time": ({"unset": ZERO_TIMES}, None),
    "_no_surrogates": ({}, None),
    "_unseen_as_empty": ({}, None),
    "_key_bytes": ({"bytes": 256}, "é" * 200),
    "_email": ({"match": f"^{EMAIL.pattern}$"}, "?"),
    "_duration": ({"match": DURATION.pattern}, "?"),
    "_maintenance_duration": ({"match": MAINTENANCE_DURATION.pattern}, "?"),
    "_day": ({"match": f"^{MOMENT.pattern}$", "trim": True}, "?"),
    "_period": ({"instead": PERIODS}, None),
}
"""Rule and sample of each validator of shared.columns and shared.values, by its name."""


def rules() -> dict[str, Any]:
    """All that `rules.json` holds."""
    return {
        "kinds": {name: _kind(kind) for name, kind in KINDS.items()},
        "delimiters": DELIMITERS,
        "report": REPORT_COLUMNS,
        "most": {"columns": MAX_COLUMNS, "header": MAX_HEADER, "field": MAX_FIELD},
        "magic": [[magic.pattern.decode("latin-1"), magic.flags, seems] for magic, seems in MAGIC],
        "format": FORMAT.pattern,
        "maybe_damaged": MAYBE_DAMAGED.pattern,
        "damage": [[damage.pattern, name.replace("_", " ")] for damage, name in DAMAGE],
    }


def _kind(kind: Kind) -> dict[str, Any]:
    places = {header: part for part in kind.parts.values() for header in part.columns}
    return {
        "required": kind.required,
        "columns": {header: [*_steps(places[header], header)] for header in kind.columns},
    }


def _steps(part: Part, header: str) -> Iterator[dict[str, Any]]:
    """The steps of a column in the order in which pydantic takes them; the first fault is told."""
    field = part.model.model_fields[part.columns[header]]
    base, checks = _flat(field.annotation)
    checks += field.metadata
    before = [check for check in reversed(checks) if isinstance(check, BeforeValidator)]
    after = [check for check in checks if not isinstance(check, BeforeValidator)]
    for check in before:
        yield from _validator(check, part, header)
    if get_origin(base) is Literal:
        yield {"choices": get_args(base), **_told(part, header, "?")}
    for check in after:
        yield from _validator(check, part, header)
    if any(check.func.__name__ == "_day" for check in before):
        yield {"calendar": True, **_told(part, header, "2026-02-31")}


def _flat(annotation: Any) -> tuple[Any, list[Any]]:
    """The innermost type, and all that is said of it, from the inside out."""
    if isinstance(annotation, TypeAliasType):
        return _flat(annotation.__value__)
    if isinstance(get_origin(annotation), TypeAliasType):
        _, *more = get_args(get_origin(annotation).__value__)
        base, checks = _flat(*get_args(annotation))
        return base, checks + more
    if get_origin(annotation) is Annotated:
        inner, *more = get_args(annotation)
        base, checks = _flat(inner)
        return base, checks + more
    if get_origin(annotation) in (Union, UnionType):
        (one,) = (each for each in get_args(annotation) if each is not NoneType)
        return _flat(one)
    return annotation, []


def _validator(check: Any, part: Part, header: str) -> Iterator[dict[str, Any]]:
    match check:
        case BeforeValidator() | AfterValidator():
            rule, sample = _CHECKS[check.func.__name__]
            if rule:
                yield rule | (_told(part, header, sample) if sample else {})
        case StringConstraints():
            if check.strip_whitespace:
                yield {"trim": True}
            if check.to_lower:
                yield {"lower": True}
            if check.max_length:
                yield from _validator(MaxLen(check.max_length), part, header)
        case MaxLen():
            yield {"longest": check.max_length, **_told(part, header, "a" * (check.max_length + 1))}
        case FieldInfo():
            for each in check.metadata:
                yield from _validator(each, part, header)
        case _:
            raise TypeError(f"{header}: the browser has no rule for {check!r}")


def _told(part: Part, header: str, sample: str) -> dict[str, str]:
    """What the model says of a sample in this column."""
    try:
        part.read({header: sample})
    except ValidationError as error:
        told = next(fault for fault in faults_of_row(error, part) if fault["column"] == header)
        return {"code": told["code"], "message": told["message"]}
    raise ValueError(f"{header}: {sample!r} was expected to be refused")


def main() -> None:
    text = json.dumps(rules(), ensure_ascii=False, separators=(",", ":"))
    Path(sys.argv[1]).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
