"""Translate pydantic's validation errors into our own messages, which say what is valid.

A message completes a sentence about the field, such as "must be a whole number such as 5". The
messages of our own validators have the same form.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, TypeAliasType, get_args

from pydantic import BaseModel, RootModel
from pydantic_core import ErrorDetails

_WHOLE, _DECIMAL = "must be a whole number such as 5", "must be a number such as 1.5"
_LIST, _OBJECT = "must be a list in square brackets", "must be an object in curly brackets"
_DAY, _MOMENT = "must be a date such as 2026-03-12", "must be a time such as 2026-03-12T08:00:00Z"

WORDS: Mapping[str, str] = {
    "missing": "is required",
    "extra_forbidden": "is not a known field; check the spelling or remove it",
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_parsing_size": "must be a whole number of fewer digits",
    "int_from_float": _WHOLE,
    "float_type": _DECIMAL,
    "float_parsing": _DECIMAL,
    "finite_number": _DECIMAL,
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "string_type": "must be a string",
    "string_unicode": "must be valid Unicode",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "string_pattern_mismatch": "must match the pattern {pattern}",
    "literal_error": "must be one of {expected}",
    "enum": "must be one of {expected}",
    "union_tag_invalid": "must be one of {expected_tags}",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "multiple_of": "must be a multiple of {multiple_of}",
    "too_short": "must have at least {min_length} entries",
    "too_long": "must have at most {max_length} entries",
    "list_type": _LIST,
    "tuple_type": _LIST,
    "set_type": _LIST,
    "frozen_set_type": _LIST,
    "dict_type": _OBJECT,
    "mapping_type": _OBJECT,
    "model_type": _OBJECT,
    "model_attributes_type": _OBJECT,
    "date_type": _DAY,
    "date_parsing": _DAY,
    "date_from_datetime_parsing": _DAY,
    "date_from_datetime_inexact": "must be a date without a time, such as 2026-03-12",
    "datetime_type": _MOMENT,
    "datetime_parsing": _MOMENT,
    "datetime_from_date_parsing": _MOMENT,
    "none_required": "must be null",
}
"""Messages by the type of pydantic's error, formatted with the error's context."""

_AT_LEAST_ONE = {
    "string_too_short": "must not be empty",
    "too_short": "must have at least one entry",
}
_MUST_BE = "must be "
_QUOTED = re.compile(r"-?\d+(\.\d+)?|true|false")


def in_words(found: ErrorDetails) -> str:
    """The message for one of pydantic's errors; the message of our own validators is kept."""
    kind, context, sent = found["type"], found.get("ctx", {}), found["input"]
    if kind not in WORDS:
        message = found["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
        return message.replace("Input should", "must", 1)
    if context.get("min_length") == 1:
        return _AT_LEAST_ONE[kind]
    words = WORDS[kind].format_map(context)
    if " or " not in str(context.get("expected", " or ")):
        return words.replace("one of ", "")
    if kind == "string_type" and isinstance(sent, int | float):
        return f'{words} in quotes, such as "{str(sent).lower()}"'
    if kind.endswith("_type") and isinstance(sent, str) and _QUOTED.fullmatch(sent):
        return f"{words}, without quotes"
    return words


def either(one: str, other: str) -> str:
    """Combine the messages of two members of a union about one value.

    If only one member accepts the value's JSON type, its message is the more specific one and wins.
    """
    if one == other or not one.startswith(_MUST_BE):
        return one
    if not other.startswith(_MUST_BE):
        return other
    return f"{one}, or {other.removeprefix(_MUST_BE)}"


def meant(model: type[BaseModel], path: Sequence[str | int]) -> str | None:
    """The known field whose name is most similar to the unknown one at `path`, or None."""
    models = (
        [model]
        if not issubclass(model, RootModel)
        else [*_models_in(model.model_fields["root"].annotation)]
    )
    for part in (part for part in path[:-1] if isinstance(part, str)):
        fields = [each.model_fields[part] for each in models if part in each.model_fields]
        models = [inner for field in fields for inner in _models_in(field.annotation)]
    names = {name for each in models for name in each.model_fields}
    return next(iter(get_close_matches(str(path[-1]), sorted(names), n=1, cutoff=0.7)), None)


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models that a value of this type can be, or can have as entries."""
    if isinstance(annotation, TypeAliasType):
        yield from _models_in(annotation.__value__)
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models_in(inner)
