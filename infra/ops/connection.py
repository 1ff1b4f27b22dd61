"""HTTP to a stage's API: its key, patience with it, and its refusals as one exception."""

import random
import re
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import httpx
from pydantic import BaseModel

from shared.errors import Fault

TRIES = 8
"""How often a request is sent before its last failure is told."""
LONGEST_PAUSE = 20.0
"""Seconds between two tries at most, whatever the service asks for."""

_FIRST_PAUSE = 0.2
_ELEMENT = {name: re.compile(f"<{name}>([^<]*)") for name in ("Code", "Message")}
"""Of S3's error document, which is too small and too simple for an XML parser."""
_BUSY = frozenset({429, 503})
"""Nothing was done, and it may be sent again, whatever it is."""

type Query = str | int | bool | None


class ApiProblem(Exception):
    """The API refused or did not answer; `code` is stable, and `unreachable` if none came."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        status: int | None = None,
        faults: tuple[Fault, ...] = (),
        request_id: str | None = None,
    ) -> None:
        places = [f"{each.field}: {each.message}" for each in faults if each.field]
        more = [f"  {place}" for place in places if place not in message]
        super().__init__("\n".join([f"{message} ({code})", *more]))
        self.code = code
        self.message = message
        self.status = status
        self.faults = faults
        self.request_id = request_id


class LinkRefused(ApiProblem):
    """A link to S3 was answered with anything but success; `s3_code` is S3's own code, or empty."""

    def __init__(self, answer: httpx.Response) -> None:
        found = {name: _ELEMENT[name].search(answer.text) for name in _ELEMENT}
        told = {name: match[1].strip() if match else "" for name, match in found.items()}
        self.s3_code = told["Code"]
        said = " ".join(filter(None, (str(answer.status_code), told["Code"])))
        words = told["Message"] or answer.text.strip()[:500] or answer.reason_phrase
        super().__init__(
            "link_refused", f"{answer.url.host} answered {said}: {words}", status=answer.status_code
        )


class Connection:
    """What one API key opens. Not to be used by several threads at once."""

    def __init__(
        self,
        url: str,
        key: str,
        *,
        transport: httpx.BaseTransport | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """`url` is the stage's, without /api/v1; `transport` and `pause` are for those who test."""
        timeout = httpx.Timeout(35, write=300)
        self._api = httpx.Client(
            base_url=url.rstrip("/"),
            headers={"Authorization": f"Api-Key {key}"},
            transport=transport,
            timeout=timeout,
        )
        self._elsewhere = httpx.Client(transport=transport, timeout=httpx.Timeout(60, write=900))
        self._pause = pause

    def close(self) -> None:
        self._api.close()
        self._elsewhere.close()

    def probe(self, method: str, path: str, *, body: Any = None) -> httpx.Response:
        """One request as it is answered: neither repeated nor redirected. Raises ApiProblem."""
        try:
            return self._api.request(method, f"/api/v1{path}", json=body)
        except httpx.TransportError as error:
            reason = str(error) or type(error).__name__
            raise ApiProblem("unreachable", f"{self._api.base_url.host}: {reason}") from error

    def read[M: BaseModel](self, model: type[M], path: str) -> M:
        """What a GET answers."""
        answer = self.send("GET", path, repeatable=True)
        return model.model_validate_json(answer.content)

    def page(self, path: str, **query: Query) -> Any:
        """One page of a list, as it came."""
        return self.send("GET", path, repeatable=True, query=query).json()

    def pages[M: BaseModel](self, model: type[M], path: str, **query: Query) -> Iterator[M]:
        """Every record of a list, page by page as they are asked for."""
        page = self.page(path, **query)
        yield from map(model.model_validate, page["results"])
        while page["cursor"] is not None:
            page = self.page(path, **query, cursor=page["cursor"])
            yield from map(model.model_validate, page["results"])

    def write[M: BaseModel](self, model: type[M], method: str, path: str, body: Any = None) -> M:
        """What a change answers; sent again only if the service says that it did nothing."""
        return model.model_validate_json(self.send(method, path, body=body).content)

    def send(
        self,
        method: str,
        path: str,
        *,
        repeatable: bool = False,
        body: Any = None,
        query: Mapping[str, Query] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """Ask until there is an answer. Raises ApiProblem for a refusal.

        What is `repeatable` is also sent again when an answer is lost, or is a server's error.
        """
        request = self._api.build_request(
            method,
            path if path.startswith("/healthz") else f"/api/v1{path}",
            json=body,
            params={name: value for name, value in (query or {}).items() if value is not None},
            headers=headers,
        )
        for attempt in range(1, TRIES + 1):
            try:
                answer = self._send_once(request)
            except httpx.TransportError as error:
                if not repeatable or attempt == TRIES:
                    reason = str(error) or type(error).__name__
                    raise ApiProblem("unreachable", f"{request.url.host}: {reason}") from error
                self._pause(_pause_after(None, attempt))
            else:
                again = answer.status_code in _BUSY or (repeatable and answer.is_server_error)
                if not again or attempt == TRIES:
                    return _answered(answer)
                self._pause(_pause_after(answer, attempt))
        raise AssertionError("unreachable")

    def _send_once(self, request: httpx.Request) -> httpx.Response:
        """The answer; a 308 to the path without its slash is followed, on the same host only."""
        answer = self._api.send(request)
        moved = answer.next_request
        if answer.status_code != httpx.codes.PERMANENT_REDIRECT or moved is None:
            return answer
        if moved.url.host != request.url.host:
            message = f"The API says that {request.url} is at another host, {moved.url.host}"
            raise ApiProblem("moved", message, status=answer.status_code)
        return self._api.send(moved)

    def elsewhere(self, method: str, url: str, **request: Any) -> httpx.Response:
        """A request that a link answered by the API allows; it carries no key.

        Raises LinkRefused for all but 2xx: a redirect of S3 means that nothing was done.
        """
        try:
            answer = self._elsewhere.request(method, url, **request)
        except httpx.TransportError as error:
            reason = str(error) or type(error).__name__
            raise ApiProblem("unreachable", f"{httpx.URL(url).host}: {reason}") from error
        if not answer.is_success:
            raise LinkRefused(answer)
        return answer

    def pause(self, attempt: int) -> None:
        """Wait before another attempt, ever longer."""
        self._pause(_pause_after(None, attempt))

    def download(self, path: str) -> Iterator[bytes]:
        """A file of any size, in parts; the API may say that it lies elsewhere."""
        answer = self.send("GET", path, repeatable=True)
        if not answer.is_redirect:
            yield answer.content
            return
        with self._elsewhere.stream("GET", answer.headers["Location"]) as streamed:
            if not streamed.is_success:
                streamed.read()
                raise LinkRefused(streamed)
            yield from streamed.iter_bytes()


def _pause_after(answer: httpx.Response | None, attempt: int) -> float:
    """What the service asks for; else ever longer, at random, so that callers do not meet again."""
    asked = answer.headers.get("Retry-After", "") if answer is not None else ""
    if asked.isdecimal():
        return min(float(asked), LONGEST_PAUSE)
    most = min(_FIRST_PAUSE * 2**attempt, LONGEST_PAUSE)
    return random.uniform(most / 2, most)  # noqa: S311 - not a secret


def _answered(answer: httpx.Response) -> httpx.Response:
    if not answer.is_error:
        return answer
    try:
        told = answer.json()
        faults = tuple(Fault(**each) for each in told.get("errors") or ())
        raise ApiProblem(
            told["code"],
            told["message"],
            status=answer.status_code,
            faults=faults,
            request_id=told.get("request_id"),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        message = f"The API answered {answer.status_code}: {answer.text[:500]}"
        raise ApiProblem("unreadable", message, status=answer.status_code) from None
