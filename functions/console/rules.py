"""Write the validation rules of the browser: `python -m functions.console.rules OUT.json`.

The build generates them from the row models; nothing here runs in Lambda. A rule is a list of steps
for a cell, which `static/csv/rules.js` interprets. A validator's steps are the `BrowserRule`s that
follow it in the model's annotation; the code and message of a step are the model's own for an
invalid sample. A validator without a rule fails the build.
"""

import json
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeAliasType, Union, get_args, get_origin

from annotated_types import MaxLen
from pydantic import AfterValidator, BeforeValidator, StringConstraints, ValidationError
from pydantic.fields import FieldInfo

from shared.browser_rule import BrowserRule
from shared.cell_types import NO_VALUE
from shared.columns import CLEARABLE, KINDS, Kind, Part, faults_of_row
from shared.csv_format.block import MAX_FIELD
from shared.csv_format.dialect import DELIMITERS
from shared.csv_format.file_type import MAGIC
from shared.csv_format.header import MAX_COLUMNS, MAX_HEADER, OWN_COLUMNS, folded
from shared.csv_format.reader import DAMAGE, MAYBE_DAMAGED
from shared.day_order import DATE_FAULTS, WRITTEN
from shared.header_synonyms import ALIASES, SYNONYMS
from shared.values import FORMAT


def rules() -> dict[str, Any]:
    """Return the content of `rules.json`."""
    return {
        "kinds": {name: _kind(kind) for name, kind in KINDS.items()},
        "delimiters": DELIMITERS,
        "report": OWN_COLUMNS,
        "most": {"columns": MAX_COLUMNS, "header": MAX_HEADER, "field": MAX_FIELD},
        "magic": [
            [magic.pattern.decode("latin-1"), magic.flags, file_type] for magic, file_type in MAGIC
        ],
        "format": FORMAT.pattern,
        "synonyms": {name: [*map(folded, words)] for name, words in SYNONYMS.items()},
        "maybe_damaged": MAYBE_DAMAGED.pattern,
        "written_dates": WRITTEN.pattern,
        "damage": [[damage.pattern, name.replace("_", " ")] for damage, name in DAMAGE],
    }


def _kind(kind: Kind) -> dict[str, Any]:
    parts = {header: part for part in kind.parts.values() for header in part.columns}
    return {
        "required": kind.required,
        "identity": [{"columns": columns, "what": what} for columns, what in kind.identity],
        "literal": kind.literal,
        "uncompared": kind.uncompared,
        "aliases": {alias: name for alias, name in ALIASES.items() if name in kind.columns},
        "columns": {
            header: [*_clearing(kind, header), *steps(parts[header], header)]
            for header in kind.columns
        },
    }


def _clearing(kind: Kind, header: str) -> Iterator[dict[str, Any]]:
    """Yield the step for the cell that clears a field in an import that updates records.

    Other imports may reject the cell, which is left to the server.
    """
    for name, part in kind.parts.items():
        if part.columns.get(header) in CLEARABLE[kind.name][name]:
            yield {"unset": rf"\s*{re.escape(NO_VALUE)}\s*"}


def steps(part: Part, header: str) -> Iterator[dict[str, Any]]:
    """Yield the steps of a column in pydantic's order; the first fault ends the validation."""
    field = part.model.model_fields[part.columns[header]]
    base, checks = _flatten(field.annotation)
    ruled = _with_rules(checks + field.metadata)
    if header in part.days:
        yield {"dates": DATE_FAULTS}
    for check, rules in reversed(ruled):
        if isinstance(check, BeforeValidator):
            yield from _validator_steps(check, rules, part, header)
    if get_origin(base) is Literal:
        yield {"choices": get_args(base), **_fault(part, header, "?")}
    for check, rules in ruled:
        if not isinstance(check, BeforeValidator):
            yield from _validator_steps(check, rules, part, header)


def _with_rules(metadata: Sequence[Any]) -> list[tuple[Any, list[BrowserRule]]]:
    """Pair each annotation with the rules that follow it."""
    paired: list[tuple[Any, list[BrowserRule]]] = []
    for each in metadata:
        if not isinstance(each, BrowserRule):
            paired.append((each, []))
        elif paired and isinstance(paired[-1][0], (BeforeValidator, AfterValidator)):
            paired[-1][1].append(each)
        else:
            raise TypeError(f"{each!r} must follow a validator")
    return paired


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


def _validator_steps(
    check: Any, rules: Sequence[BrowserRule], part: Part, header: str
) -> Iterator[dict[str, Any]]:
    match check:
        case BeforeValidator() | AfterValidator() if rules:
            for rule in rules:
                if rule.step:
                    fault = _fault(part, header, rule.sample) if rule.sample else {}
                    yield {**rule.step, **fault}
        case StringConstraints():
            if check.strip_whitespace:
                yield {"trim": True}
            if check.to_lower:
                yield {"lower": True}
            if check.max_length:
                yield from _validator_steps(MaxLen(check.max_length), (), part, header)
        case MaxLen():
            yield {
                "longest": check.max_length,
                **_fault(part, header, "a" * (check.max_length + 1)),
            }
        case FieldInfo():
            for each in check.metadata:
                yield from _validator_steps(each, (), part, header)
        case _:
            raise TypeError(f"{header}: {check!r} has no BrowserRule after it; add one")


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
