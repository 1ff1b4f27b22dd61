"""Write the validation rules of the browser: `python -m functions.console.rules OUT.json`.

The build generates them from the row models; nothing here runs in Lambda. A rule is a list of steps
for a cell, which `static/csv/rules.js` interprets. The code and message of a step are the model's
own for an invalid sample. A validator without a rule fails the build.
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
"""The step and an invalid sample of each validator of shared.columns and shared.values, by name."""


def rules() -> dict[str, Any]:
    """Return the content of `rules.json`."""
    return {
        "kinds": {name: _kind(kind) for name, kind in KINDS.items()},
        "delimiters": DELIMITERS,
        "report": REPORT_COLUMNS,
        "most": {"columns": MAX_COLUMNS, "header": MAX_HEADER, "field": MAX_FIELD},
        "magic": [
            [magic.pattern.decode("latin-1"), magic.flags, file_type] for magic, file_type in MAGIC
        ],
        "format": FORMAT.pattern,
        "maybe_damaged": MAYBE_DAMAGED.pattern,
        "damage": [[damage.pattern, name.replace("_", " ")] for damage, name in DAMAGE],
    }


def _kind(kind: Kind) -> dict[str, Any]:
    parts = {header: part for part in kind.parts.values() for header in part.columns}
    return {
        "required": kind.required,
        "columns": {header: [*_steps(parts[header], header)] for header in kind.columns},
    }


def _steps(part: Part, header: str) -> Iterator[dict[str, Any]]:
    """Yield the steps of a column in pydantic's order; the first fault ends the validation."""
    field = part.model.model_fields[part.columns[header]]
    base, checks = _flatten(field.annotation)
    checks += field.metadata
    before = [check for check in reversed(checks) if isinstance(check, BeforeValidator)]
    after = [check for check in checks if not isinstance(check, BeforeValidator)]
    for check in before:
        yield from _validator_steps(check, part, header)
    if get_origin(base) is Literal:
        yield {"choices": get_args(base), **_fault(part, header, "?")}
    for check in after:
        yield from _validator_steps(check, part, header)
    if any(check.func.__name__ == "_day" for check in before):
        yield {"calendar": True, **_fault(part, header, "2026-02-31")}


def _flatten(annotation: Any) -> tuple[Any, list[Any]]:
    """Return the innermost type, and all its metadata from the inside out."""
    if isinstance(annotation, TypeAliasType):
        return _flatten(annotation.__value__)
    if isinstance(get_origin(annotation), TypeAliasType):
        _, *more = get_args(get_origin(annotation).__value__)
        base, checks = _flatten(*get_args(annotation))
        return base, checks + more
    if get_origin(annotation) is Annotated:
        inner, *more = get_args(annotation)
        base, checks = _flatten(inner)
        return base, checks + more
    if get_origin(annotation) in (Union, UnionType):
        (one,) = (each for each in get_args(annotation) if each is not NoneType)
        return _flatten(one)
    return annotation, []


def _validator_steps(check: Any, part: Part, header: str) -> Iterator[dict[str, Any]]:
    match check:
        case BeforeValidator() | AfterValidator():
            rule, sample = _CHECKS[check.func.__name__]
            if rule:
                yield rule | (_fault(part, header, sample) if sample else {})
        case StringConstraints():
            if check.strip_whitespace:
                yield {"trim": True}
            if check.to_lower:
                yield {"lower": True}
            if check.max_length:
                yield from _validator_steps(MaxLen(check.max_length), part, header)
        case MaxLen():
            yield {
                "longest": check.max_length,
                **_fault(part, header, "a" * (check.max_length + 1)),
            }
        case FieldInfo():
            for each in check.metadata:
                yield from _validator_steps(each, part, header)
        case _:
            raise TypeError(f"{header}: {check!r} has no rule for the browser; add one here")


def _fault(part: Part, header: str, sample: str) -> dict[str, str]:
    """Return the model's code and message for an invalid sample in this column."""
    try:
        part.read({header: sample})
    except ValidationError as error:
        faults = faults_of_row(error, part)
        fault = next(fault for fault in faults if fault["column"] == header)
        return {"code": fault["code"], "message": fault["message"]}
    raise ValueError(f"{header}: the sample {sample!r} is valid; it must be invalid")


def main() -> None:
    text = json.dumps(rules(), ensure_ascii=False, separators=(",", ":"))
    Path(sys.argv[1]).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
