"""Strict JSON: texts that different parsers read differently are refused.

Refused are duplicate names in one object, NaN and Infinity, lone surrogates, and numbers that fit
neither a 64-bit integer nor a double.
"""

import json
import math
import re
from collections.abc import Iterator
from typing import Any

import pydantic_core

from shared.errors import Path

INTEGERS = range(-(2**63), 2**63)
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


class JsonError(ValueError):
    """The text is not strict JSON; `path` is the place in the value, if it is known."""

    def __init__(self, message: str, code: str = "invalid_json", path: Path = ()) -> None:
        super().__init__(message)
        self.code = code
        self.path = path


def loads(text: str) -> Any:
    """The value of a JSON text. Raises JsonError."""
    try:
        if _SURROGATE.search(text):
            pydantic_core.from_json(text)
        return _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise JsonError(f"{error.msg} at line {error.lineno} column {error.colno}") from None
    except RecursionError:
        raise JsonError("Nested too deeply") from None
    except JsonError as error:
        raise JsonError(str(error), error.code, error.path or _path_of_far_number(text)) from None
    except ValueError as error:
        raise JsonError(str(error)[:1].upper() + str(error)[1:]) from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) == len(pairs):
        return made
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            raise JsonError(
                f'The name "{name}" appears twice in one object', "duplicate_key", (name,)
            )
        seen.add(name)
    return made


def _constant(text: str) -> Any:
    raise JsonError(f"{text} is not JSON")


def _int(text: str) -> int:
    if _is_far_int(text):
        raise JsonError(f"The number {text[:20]}… does not fit 64 bits")
    return int(text)


def _float(text: str) -> float:
    if _is_far_float(text):
        raise JsonError(f"The number {text[:20]} is too large")
    return float(text)


def _is_far_int(text: str) -> bool:
    return len(text) > 20 or int(text) not in INTEGERS


def _is_far_float(text: str) -> bool:
    return math.isinf(float(text))


_FAR = object()
_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_constant=_constant, parse_int=_int, parse_float=_float
)
_FINDER = json.JSONDecoder(
    parse_int=lambda text: _FAR if _is_far_int(text) else 0,
    parse_float=lambda text: _FAR if _is_far_float(text) else 0,
    parse_constant=lambda _: _FAR,
)


def _path_of_far_number(text: str) -> Path:
    """The path of the first number that is out of range; the decoder does not report paths."""
    try:
        return next(_paths(_FINDER.decode(text), ()), ())
    except (ValueError, RecursionError):
        return ()


def _paths(value: Any, path: Path) -> Iterator[Path]:
    if value is _FAR:
        yield path
    elif isinstance(value, dict):
        for name, part in value.items():
            yield from _paths(part, (*path, name))
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from _paths(part, (*path, index))
