"""Error responses: every 4xx and 5xx response has a `Problem` as its body (RFC 9457)."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from shared.errors import Busy, Fault, Refused
from shared.store.retry import is_transient

_SHOWN = 200
_LONGEST = 500
"""Characters of a path or a message, which can contain names from the request."""
_MOST_FAULTS = 500
"""Faults in one response; a request of 1 MB can have more than a response can carry."""
_HIDDEN = ("password", "secret", "authorization")


class MethodNotAllowed(Refused):
    """The path is served, but not with this method."""

    status = 405

    def __init__(self, method: str, allowed: str) -> None:
        super().__init__(
            "method_not_allowed", f'Method "{method}" not allowed. Supported: {allowed}.'
        )
        self.allowed = allowed


class Moved(Refused):
    """The resource is served at `location`, by the same methods."""

    status = 308

    def __init__(self, location: str) -> None:
        super().__init__("moved", f"Send the same request to {location}.")
        self.location = location


class Crash(Refused):
    """An unexpected exception; the log has its stack under the request id."""

    status = 500

    def __init__(self) -> None:
        super().__init__(
            "internal_error",
            "The service failed, and the error was logged. Report the request_id to the operator.",
        )


class ProblemFault(BaseModel):
    """A fault of the request."""

    field: Annotated[
        str | None, Field(description="Path of the field, with dots: `items.0.product_code`.")
    ] = None
    pointer: Annotated[
        str | None, Field(description="Path in the JSON body, as an RFC 6901 pointer.")
    ] = None
    code: Annotated[str, Field(description="Error code, for programs.")]
    message: Annotated[str, Field(description="Message, for people.")]
    value: Annotated[
        str | int | float | bool | None,
        Field(description="The sent value, shortened; never a password."),
    ] = None


class Problem(BaseModel):
    """An error response. `code` is stable and for programs; `message` is for people."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "type": "https://api.example.com/docs#error-validation_error",
                "title": "Validation error",
                "status": 400,
                "code": "validation_error",
                "message": "items.0.product_code: is required",
                "detail": "items.0.product_code: is required",
                "errors": [
                    {
                        "field": "items.0.product_code",
                        "pointer": "/items/0/product_code",
                        "code": "required",
                        "message": "is required",
                        "value": None,
                    }
                ],
                "request_id": "JKJaXmPLvHcESHA=",
            }
        }
    )

    type: Annotated[str, Field(description="URL of this code's documentation.")]
    title: str
    status: int
    code: str
    message: str
    detail: Annotated[str, Field(description="The same as `message`.")]
    errors: list[ProblemFault]
    request_id: Annotated[str, Field(description="Include it in support requests.")]


def problem(refused: Refused, *, docs: str, request_id: str) -> Problem:
    """The body of an error response."""
    return Problem.model_construct(
        type=f"{docs}#error-{refused.code}",
        title=refused.code.replace("_", " ").capitalize(),
        status=refused.status,
        code=refused.code,
        message=_cut(refused.message),
        detail=_cut(refused.message),
        errors=[*map(_shown, refused.faults[:_MOST_FAULTS]), *_untold(refused)],
        request_id=request_id,
    )


def headers_of(refused: Refused) -> Mapping[str, str]:
    """The headers of an error response."""
    match refused:
        case MethodNotAllowed():
            return {"Allow": refused.allowed}
        case Moved():
            return {"Location": refused.location}
        case Busy() | Refused(code="order_in_progress"):
            return {"Retry-After": "1"}
    return {}


def refusal_of(error: Exception) -> Refused:
    """Convert an exception: ours are kept, transient AWS errors become 503, all others 500."""
    if isinstance(error, Refused):
        return error
    return Busy() if is_transient(error) else Crash()


def _untold(refused: Refused) -> list[ProblemFault]:
    """A fault that replaces the faults beyond the limit."""
    more = len(refused.faults) - _MOST_FAULTS
    if more <= 0:
        return []
    message = f"and {more} more: fix these first, and send the request again"
    return [ProblemFault.model_construct(code="more_faults", message=message)]


def _cut(text: str) -> str:
    return text[:_LONGEST] + "…" if len(text) > _LONGEST else text


def _shown(fault: Fault) -> ProblemFault:
    name = (fault.field or fault.pointer or "").lower()
    value = None if any(word in name for word in _HIDDEN) else fault.value
    if isinstance(value, str) and len(value) > _SHOWN:
        value = value[:_SHOWN] + "…"
    elif not isinstance(value, str | int | float | bool):
        value = None
    return ProblemFault.model_construct(
        field=fault.field and _cut(fault.field),
        pointer=fault.pointer and _cut(fault.pointer),
        code=fault.code,
        message=_cut(fault.message),
        value=value,
    )
