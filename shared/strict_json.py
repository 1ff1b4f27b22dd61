"""Strict JSON: texts that different parsers read differently are refused.

Refused are duplicate names in one object, NaN and Infinity, lone surrogates, and numbers that fit
neither a 64-bit integer nor a double, or that a double rounds to zero.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pydantic_core

from shared.errors import Path

INTEGERS = range(-(2**63), 2**63)
_IS_NOT_ZERO = re.compile(r"-?[0.]*[1-9]")
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
        is_twice = error.code == "duplicate_key"
        path = next(_paths(_TWICE if is_twice else _FAR_NUMBER, text), error.path)
        raise JsonError(str(error), error.code, path) from None
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
        size = "too large" if math.isinf(float(text)) else "too small: send 0"
        raise JsonError(f"The number {text[:20]} is {size}")
    return float(text)


def _is_far_int(text: str) -> bool:
    return len(text) > 20 or int(text) not in INTEGERS


def _is_far_float(text: str) -> bool:
    """Whether a number would become infinity or, without being zero, zero."""
    value = float(text)
    return math.isinf(value) or (value == 0 and _IS_NOT_ZERO.match(text) is not None)


_FAULTY = object()
_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_constant=_constant, parse_int=_int, parse_float=_float
)
_FAR_NUMBER = json.JSONDecoder(
    parse_int=lambda text: _FAULTY if _is_far_int(text) else 0,
    parse_float=lambda text: _FAULTY if _is_far_float(text) else 0,
    parse_constant=lambda _: _FAULTY,
)
_TWICE = json.JSONDecoder(
    object_pairs_hook=lambda pairs: (
        dict(pairs)
        | {
            name: _FAULTY
            for name, number in Counter(name for name, _ in pairs).items()
            if number > 1
        }
    )
)


def _paths(decoder: json.JSONDecoder, text: str) -> Iterator[Path]:
    """The paths of the values that a decoder makes `_FAULTY`; JSON decoders report no paths."""
    with suppress(ValueError, RecursionError):
        yield from _paths_in(decoder.decode(text), ())


def _paths_in(value: Any, path: Path) -> Iterator[Path]:
    if value is _FAULTY:
        yield path
    elif isinstance(value, dict):
        for name, part in value.items():
            yield from _paths_in(part, (*path, name))
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from _paths_in(part, (*path, index))
