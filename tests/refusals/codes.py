"""The comparison: the codes that operations raise, against those of the OpenAPI document."""

from collections.abc import Iterable, Mapping
from functools import cache
from importlib import import_module
from typing import NamedTuple, get_args

from pydantic_core import core_schema

from functions.web.api import Api, Operation
from functions.web.error_codes import CODES, FAULT_CODES
from functions.web.openapi import ROUTE_MODULES, codes_of
from functions.web.problems import refusal_of
from tests.refusals.reasons import REASONS

NO_OPERATION = "-"
"""Where a request is refused for its path or method, before an operation is chosen."""
UNROUTED = frozenset({"method_not_allowed", "moved", "not_found"})
"""What a request may be refused with that no operation serves."""
_NEVER_ALONE = FAULT_CODES | {*get_args(core_schema.ErrorType)}
"""Codes of a fault in `errors` that are never the `code` of an answer."""


class Refusal(NamedTuple):
    """A code that an operation raised, or documents."""

    operation: str
    code: str


@cache
def _apis() -> Mapping[str, Api]:
    return {
        f"functions/{name}.py": import_module(f"functions.{name}").api for name in ROUTE_MODULES
    }


def is_served(routes: Api | Operation) -> bool:
    """Whether these are the routes, or one route, of one of the functions."""
    return any(routes is api or routes in api.operations for api in _apis().values())


@cache
def documented() -> Mapping[str, tuple[str, tuple[str, ...]]]:
    """By operation, the module that serves it and the codes in the OpenAPI document."""
    operations = {
        operation.name: (module, tuple(codes_of(operation)))
        for module, api in _apis().items()
        for operation in api.operations
    }
    return operations | {NO_OPERATION: ("functions/web/route_table.py", tuple(sorted(UNROUTED)))}


def codes_raised(error: Exception) -> set[str]:
    """The code that an error is answered with, and the codes that its faults would have alone.

    A refusal of several faults of different codes is a `validation_error`; one that has but one
    of these faults is answered with that fault's own code.
    """
    refused = refusal_of(error)
    faults = {fault.code for fault in refused.faults} if refused.code == "validation_error" else ()
    return {refused.code, *(code for code in faults if code not in _NEVER_ALONE)}


def undocumented(raised: Iterable[Refusal]) -> list[Refusal]:
    """What was raised and is not in the document."""
    return sorted({each for each in raised if each.code not in _codes(each.operation)})


def never_raised(raised: Iterable[Refusal]) -> list[Refusal]:
    """What is documented, was raised in no test, and has no reason."""
    seen = set(raised)
    return [
        refusal
        for operation, (_, codes) in documented().items()
        for code in codes
        if (refusal := Refusal(operation, code)) not in seen and refusal not in REASONS
    ]


def stale_reasons(raised: Iterable[Refusal]) -> list[Refusal]:
    """Reasons for what is not documented, or was raised after all."""
    seen = set(raised)
    return [
        each
        for each in map(Refusal._make, REASONS)
        if each in seen or each.code not in _codes(each.operation)
    ]


def unused_codes() -> list[str]:
    """Codes of the list of all refusals that no operation documents."""
    used = {code for _, codes in documented().values() for code in codes}
    return sorted(CODES.keys() - used)


def advice(refusal: Refusal) -> str:
    """What to add where, for a code that was raised and is not documented."""
    operation, code = refusal
    module, _ = documented()[operation]
    if operation == NO_OPERATION:
        where = "UNROUTED in tests/refusals/codes.py"
    else:
        where = f"refusals=(…) of {operation} in {module}"
    lines = [f'{operation} raised "{code}", which its OpenAPI document does not have:']
    if code not in CODES:
        lines.append(
            f'  add "{code}": (<status>, "<an example of its message>") to CODES in '
            "functions/web/error_codes.py and run make docs; or, if it is never "
            "the code of a whole "
            "answer but only of a fault in `errors`, add it to FAULT_CODES there"
        )
    lines.append(f'  add "{code}" to {where}')
    return "\n".join(lines)


def _codes(operation: str) -> tuple[str, ...]:
    return documented()[operation][1]
