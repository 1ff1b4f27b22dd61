"""Strict parsing of requests: API Gateway HTTP API events with payload format 2.0."""

import base64
import binascii
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pydantic_core
from pydantic import BaseModel, ValidationError

from shared import strict_json
from shared.errors import Fault, Refused, TooLarge
from shared.wording import either, in_words, meant

MAX_BODY = 1024 * 1024
"""Bytes of a JSON body."""


class NoQuery(BaseModel):
    """The query string of a route that takes none."""


_AT = re.compile(r"(.*?) at line (\d+) column (\d+)", re.DOTALL)
_CODES = {"missing": "required", "extra_forbidden": "unknown_field"}
_IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,255}")


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: str | None
    is_base64: bool
    id: str
    host: str

    @classmethod
    def of(cls, event: Mapping[str, Any], path: str) -> "Request":
        """Parse an event; `path` is its path without the API stage."""
        context = event["requestContext"]
        headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
        return cls(
            method=context["http"]["method"].upper(),
            path=path,
            query=event.get("rawQueryString") or "",
            headers=headers,
            body=event.get("body"),
            is_base64=bool(event.get("isBase64Encoded")),
            id=context.get("requestId") or "",
            host=headers.get("host") or context.get("domainName") or "",
        )

    @property
    def base_url(self) -> str:
        """The URL of the API as the caller uses it, for absolute links.

        `PUBLIC_URL` overrides host and path where a proxy changes them; `{host}` in it is replaced
        by the host of the request.
        """
        if public_url := os.environ.get("PUBLIC_URL"):
            return public_url.rstrip("/").replace("{host}", self.host)
        return f"{self.headers.get('x-forwarded-proto', 'https')}://{self.host}"

    @property
    def base_path(self) -> str:
        """The path of `base_url`, which callers send before the paths that the function gets."""
        return urlsplit(os.environ.get("PUBLIC_URL", "")).path.rstrip("/")

    def read_body[M: BaseModel](self, model: type[M]) -> M:
        """Validate the JSON body. Raises Refused with all faults."""
        text = self._text()
        sent = _decode(text)
        try:
            return model.model_validate_json(text)
        except ValidationError as error:
            raise _invalid(error, sent, model) from None

    def read_query[M: BaseModel](self, model: type[M]) -> M:
        """Validate the query string. Raises Refused for unknown names, with the supported ones.

        A parameter without a value (`?customer=&limit=`) counts as absent, because Go clients and
        Postman send all parameters that they know.
        """
        sent = _decode_query(self.query)
        served = [field.alias or name for name, field in model.model_fields.items()]
        if unknown := [name for name in sent if name not in served]:
            raise Refused(
                "validation_error",
                f"Unknown query parameter {', '.join(unknown)}."
                f" Supported: {', '.join(served) or 'none'}.",
                faults=[
                    Fault("unknown_field", _unknown_parameter(name, served), name, None, sent[name])
                    for name in unknown
                ],
            )
        sent = {name: value for name, value in sent.items() if value}
        try:
            return model.model_validate(sent)
        except ValidationError as error:
            raise _invalid(error, sent, model, pointers=False) from None

    def idempotency_key(self) -> str | None:
        """The `Idempotency-Key` header: 1 to 255 printable ASCII characters."""
        key = self.headers.get("idempotency-key")
        if key is not None and not _IDEMPOTENCY_KEY.fullmatch(key):
            raise Refused(
                "validation_error",
                "Idempotency-Key must be 1 to 255 printable ASCII characters without spaces.",
                field="Idempotency-Key",
                value=key,
            )
        return key

    def raw_body(self, most: int) -> bytes:
        """The bytes of the body. Raises TooLarge if there are more than `most`.

        Raises UnicodeError or binascii.Error if the body is not valid Base64.
        """
        body = self.body or ""
        if len(body) <= most * (4 / 3 if self.is_base64 else 1) + 4:
            raw = base64.b64decode(body, validate=True) if self.is_base64 else body.encode()
            if len(raw) <= most:
                return raw
        raise TooLarge("body_too_large", f"A body has at most {most} bytes.")

    def _text(self) -> str:
        try:
            text = self.raw_body(MAX_BODY).decode("utf-8-sig")
        except UnicodeError as error:
            start = getattr(error, "start", 0)
            raise _not_json(f"Not UTF-8 at byte {start}") from None
        except binascii.Error:
            raise _not_json("Not Base64") from None
        if not text.strip():
            raise _not_json("The body is empty; a JSON object was expected")
        return text


def _not_json(message: str, field: str | None = None, code: str = "invalid_json") -> Refused:
    return Refused("invalid_json", f"{message}.", faults=[Fault(code, f"{message}.", field)])


def _decode(text: str) -> Any:
    """Parse the body as JSON. Raises Refused."""
    try:
        return strict_json.loads(text)
    except strict_json.JsonError as error:
        fault = Fault.at(error.path, error.code, f"{error}.")
        raise Refused("invalid_json", f"{error}.", faults=[fault]) from None


def _sentence(message: str) -> str:
    return message[:1].upper() + message[1:]


def _decode_query(query: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=100)
    except ValueError:
        raise Refused(
            "validation_error", "The query string is not UTF-8 or has over 100 parts."
        ) from None
    sent: dict[str, str] = {}
    for name, value in pairs:
        if name in sent:
            raise Refused(
                "validation_error", f"{name} appears twice in the query.", field=name, value=value
            )
        sent[name] = value
    return sent


def _invalid(
    error: ValidationError, sent: Any, model: type[BaseModel], *, pointers: bool = True
) -> Refused:
    """The faults of a request, from pydantic's errors.

    Pydantic's paths contain union members and validators; only what the caller sent is kept. If
    two members of a union refuse the same value, this is one fault.
    """
    faults: dict[tuple[str | int, ...], Fault] = {}
    for found in error.errors(include_url=False):
        if found["type"] == "json_invalid":
            at = _AT.search(found["msg"])
            return _not_json(_sentence(at[0] if at else found["msg"]))
        path = _path(found["loc"], sent, found["type"])
        message = _message(found, path, model)
        code = _CODES.get(found["type"], found["type"])
        if before := faults.get(path):
            message = either(before.message, message)
            code = before.code
        field = ".".join(str(part) for part in path)
        faults[path] = Fault(
            code,
            message,
            field or None,
            "".join(f"/{_escaped(part)}" for part in path) if pointers else None,
            found["input"],
        )
    return Refused("validation_error", _summary(list(faults.values())), faults=[*faults.values()])


def _message(
    found: pydantic_core.ErrorDetails, path: Sequence[str | int], model: type[BaseModel]
) -> str:
    if found["type"] == "extra_forbidden" and (name := meant(model, path)):
        return f"is not a known field; did you mean {name}?"
    return in_words(found)


def _unknown_parameter(name: str, served: Sequence[str]) -> str:
    meant = get_close_matches(name, served, n=1, cutoff=0.7)
    return (
        f"is not a known parameter; did you mean {meant[0]}?"
        if meant
        else "is not a known parameter"
    )


def _path(loc: Sequence[str | int], sent: Any, kind: str) -> tuple[str | int, ...]:
    path: list[str | int] = []
    for index, part in enumerate(loc):
        missing = kind == "missing" and index == len(loc) - 1
        if isinstance(sent, dict) and (part in sent or missing):
            path.append(part)
            sent = sent.get(part)
        elif isinstance(sent, list) and isinstance(part, int) and part < len(sent):
            path.append(part)
            sent = sent[part]
    return tuple(path)


def _escaped(part: str | int) -> str:
    return str(part).replace("~", "~0").replace("/", "~1")


def _summary(faults: Sequence[Fault]) -> str:
    shown = [
        f"{fault.field}: {fault.message}" if fault.field else fault.message for fault in faults[:3]
    ]
    more = f" (and {len(faults) - 3} more)" if len(faults) > 3 else ""
    return "; ".join(shown) + more
