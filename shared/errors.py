"""The exceptions by which the domain refuses. Any other exception is a bug and raises an alarm."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

type Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """A validation error of one field: what is wrong, where, and with which value."""

    code: str
    message: str
    field: str | None = None
    pointer: str | None = None
    value: object = None

    @classmethod
    def at(cls, path: Path, code: str, message: str, value: object = None) -> Self:
        """A fault at a place in a JSON body: `("items", 0, "product_code")`."""
        field = ".".join(map(str, path))
        pointer = "".join("/" + str(p).replace("~", "~0").replace("/", "~1") for p in path)
        return cls(code, message, field, pointer, value)


class Refused(Exception):
    """A request that was understood and refused; nothing was written."""

    status: ClassVar[int] = 400

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
        if not faults and (field or pointer):
            faults = (Fault(code, message, field, pointer, value),)
        self.faults = tuple(faults)


class Denied(Refused):
    """The caller may not do this."""

    status = 403


class NotFound(Refused):
    """No such record in the caller's company."""

    status = 404

    def __init__(
        self,
        message: str = "Not found.",
        code: str = "not_found",
        *,
        faults: Sequence[Fault] = (),
    ) -> None:
        super().__init__(code, message, faults=faults)


class Conflict(Refused):
    """The request conflicts with stored records."""

    status = 409


class TooLarge(Refused):
    """The request, or its result, exceeds a limit."""

    status = 413


class Busy(Refused):
    """The store did not answer in time. Nothing was written; the request can be retried."""

    status = 503

    def __init__(self) -> None:
        super().__init__("unavailable", "The service is busy. Please send the request again.")


def refuse(faults: Sequence[Fault]) -> None:
    """Raise all `faults` as one Refused; do nothing if there are none.

    Its code is the code that all faults share, otherwise `validation_error`.
    """
    if not faults:
        return
    codes = {fault.code for fault in faults}
    code = codes.pop() if len(codes) == 1 else "validation_error"
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    raise Refused(code, faults[0].message + more, faults=faults)
