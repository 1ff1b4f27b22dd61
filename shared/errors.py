"""The ways the domain says no: a stable code, a sentence, and the faults it consists of."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong, and where: dotted `field` and JSON `pointer` into what was sent."""

    code: str
    message: str
    field: str | None = None
    pointer: str | None = None
    value: object = None


class Refused(Exception):
    """An expected refusal; anything that is not one is left to crash, so that the alarm rings."""

    status = 400

    def __init__(
        self,
        code: str,
        message: str,
        *,
        field: str | None = None,
        pointer: str | None = None,
        value: object = None,
        faults: Sequence[Fault] = (),
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        if not faults and (field is not None or pointer is not None):
            faults = (Fault(code, message, field, pointer, value),)
        self.faults = tuple(faults)


class Denied(Refused):
    """The caller is not who they must be, or may not do this."""

    status = 403


class NotFound(Refused):
    """Nothing of that name in the caller's company; another company's is not there either."""

    status = 404

    def __init__(
        self,
        code: str = "not_found",
        message: str = "Not found.",
        *,
        field: str | None = None,
        pointer: str | None = None,
        value: object = None,
        faults: Sequence[Fault] = (),
    ) -> None:
        super().__init__(code, message, field=field, pointer=pointer, value=value, faults=faults)


class Conflict(Refused):
    """What is stored says otherwise."""

    status = 409


class TooLarge(Refused):
    """More than this door carries."""

    status = 413
