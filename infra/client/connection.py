"""HTTP requests to a stage's API: authentication, retries with backoff, and one exception type."""

import random
import re
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import httpx
from pydantic import BaseModel

from shared.errors import Fault, NotFound

MAX_ATTEMPTS = 8
"""How often a request is sent before its last error is raised."""
MAX_PAUSE = 20.0
"""Upper limit, in seconds, of the pause between two attempts."""

_FIRST_PAUSE = 0.2
_ELEMENT = {name: re.compile(f"<{name}>([^<]*)") for name in ("Code", "Message")}
"""Elements of S3's error document, which is too small and too simple to need an XML parser."""
_BUSY = frozenset({429, 503})
"""Status codes of requests that had no effect: any such request can be retried."""

type Query = str | int | bool | None


class ApiProblem(Exception):
    """The API rejected a request or could not be reached.

    `code` is a stable error code, `faults` the validation errors of each field, `request_id` the
    id by which an operator finds the request in the logs. Without a response, `code` is
    `unreachable` and `status` is None.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        status: int | None = None,
        faults: tuple[Fault, ...] = (),
        request_id: str | None = None,
    ) -> None:
        lines = [
            each.field if each.message == message else f"{each.field}: {each.message}"
            for each in faults
            if each.field and (each.message != message or "." in each.field)
        ]
        details = [f"  {line}" for line in dict.fromkeys(lines) if line not in message]
        super().__init__("\n".join([f"{message} ({code})", *details]))
        self.code = code
        self.message = message
        self.status = status
        self.faults = faults
        self.request_id = request_id


class LinkRefused(ApiProblem):
    """S3 rejected a request to a presigned URL; `s3_code` is S3's error code, or empty."""

    def __init__(self, answer: httpx.Response) -> None:
        found = {name: _ELEMENT[name].search(answer.text) for name in _ELEMENT}
        error = {name: match[1].strip() if match else "" for name, match in found.items()}
        self.s3_code = error["Code"]
        status = " ".join(filter(None, (str(answer.status_code), error["Code"])))
        reason = error["Message"] or answer.text.strip()[:500] or answer.reason_phrase
        super().__init__(
            "link_refused",
            f"{answer.url.host} returned {status}: {reason}",
            status=answer.status_code,
        )


class Connection:
    """Requests to one stage with one API key. Not thread-safe."""

    def __init__(
        self,
        url: str,
        key: str,
        *,
        transport: httpx.BaseTransport | None = None,
        pause: Callable[[float], None] = time.sleep,
        longest_wait: float = MAX_PAUSE,
    ) -> None:
        """Connect to `url`, without `/api/v1`; `transport` and `pause` are hooks for tests.

        `longest_wait` limits `Retry-After`, in seconds.
        """
        timeout = httpx.Timeout(35, write=300)
        self._api = httpx.Client(
            base_url=url.rstrip("/"),
            headers={"Authorization": f"Api-Key {key}"},
            transport=transport,
            timeout=timeout,
        )
        self._presigned = httpx.Client(transport=transport, timeout=httpx.Timeout(60, write=900))
        self._pause = pause
        self._longest_wait = longest_wait

    def close(self) -> None:
        self._api.close()
        self._presigned.close()

    def probe(self, method: str, path: str, *, body: Any = None) -> httpx.Response:
        """Send one request without retries or redirects. Raises ApiProblem without a response."""
        try:
            return self._api.request(method, f"/api/v1{path}", json=body)
        except httpx.TransportError as error:
            raise _unreachable(self._api.base_url.host, error) from error

    def read[M: BaseModel](self, model: type[M], path: str) -> M:
        answer = self.send("GET", path, idempotent=True)
        return model.model_validate_json(answer.content)

    def page(self, path: str, **query: Query) -> Any:
        """Return one page of a list as JSON: `{count, next, previous, cursor, results}`."""
        return self.send("GET", path, idempotent=True, query=query).json()

    def pages[M: BaseModel](self, model: type[M], path: str, **query: Query) -> Iterator[M]:
        """Yield every record of a list; requests a page when the one before is used up."""
        page = self.page(path, **query)
        yield from map(model.model_validate, page["results"])
        while page["cursor"] is not None:
            page = self.page(path, **query, cursor=page["cursor"])
            yield from map(model.model_validate, page["results"])

    def write[M: BaseModel](self, model: type[M], method: str, path: str, body: Any = None) -> M:
        """Return the response to a change as a model; retries only if the API did nothing."""
        return model.model_validate_json(self.send(method, path, body=body).content)

    def send(
        self,
        method: str,
        path: str,
        *,
        idempotent: bool = False,
        body: Any = None,
        query: Mapping[str, Query] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """Send a request and return its successful response. Raises ApiProblem.

        Any request is retried after 429 and 503; an `idempotent` one also after a lost response
        and after any other 5xx. A DELETE that finds no record then has deleted it. `path` is
        relative to `/api/v1`, except `/healthz`.
        """
        request = self._api.build_request(
            method,
            path if path.startswith("/healthz") else f"/api/v1{path}",
            json=body,
            params={name: value for name, value in (query or {}).items() if value is not None},
            headers=headers,
        )
        is_unknown = False
        for attempt in range(1, MAX_ATTEMPTS + 1):
            try:
                answer = self._send_once(request)
            except httpx.TransportError as error:
                if not idempotent or attempt == MAX_ATTEMPTS:
                    raise _unreachable(request.url.host, error) from error
                is_unknown = True
                self._pause(_pause_seconds(attempt))
            else:
                if method == "DELETE" and is_unknown and answer.status_code == NotFound.status:
                    return answer
                retry = answer.status_code in _BUSY or (idempotent and answer.is_server_error)
                if not retry or attempt == MAX_ATTEMPTS:
                    return _check(answer)
                is_unknown = is_unknown or answer.status_code not in _BUSY
                self._pause(self._wait_seconds(answer, attempt))
        raise AssertionError("unreachable")

    def _send_once(self, request: httpx.Request) -> httpx.Response:
        """Send a request; follow a 308 to the path without its trailing slash, on the same host."""
        answer = self._api.send(request)
        redirected = answer.next_request
        if answer.status_code != httpx.codes.PERMANENT_REDIRECT or redirected is None:
            return answer
        if redirected.url.host != request.url.host:
            message = (
                f"The API redirects {request.url} to another host, {redirected.url.host}; check"
                " the URL of the stage"
            )
            raise ApiProblem("moved", message, status=answer.status_code)
        return self._api.send(redirected)

    def send_presigned(self, method: str, url: str, **request: Any) -> httpx.Response:
        """Send one request to a presigned URL, without the API key.

        Raises LinkRefused for every status except 2xx: S3 did nothing if it redirects.
        """
        try:
            answer = self._presigned.request(method, url, **request)
        except httpx.TransportError as error:
            raise _unreachable(httpx.URL(url).host, error) from error
        if not answer.is_success:
            raise LinkRefused(answer)
        return answer

    def pause(self, attempt: int) -> None:
        """Wait before another attempt, with exponential backoff; `attempt` counts from 1."""
        self._pause(_pause_seconds(attempt))

    def _wait_seconds(self, answer: httpx.Response, attempt: int) -> float:
        """Return `Retry-After` of a response, or else exponential backoff."""
        retry_after = answer.headers.get("Retry-After", "")
        if retry_after.isdecimal():
            return min(float(retry_after), self._longest_wait)
        return _pause_seconds(attempt)

    def download(self, path: str) -> Iterator[bytes]:
        """Yield a file in parts; follows the API's redirect to a presigned URL of S3.

        Waits as long as the API is still writing the file.
        """
        answer = self.send("GET", path, idempotent=True)
        while answer.status_code == httpx.codes.ACCEPTED:
            self._pause(self._wait_seconds(answer, 1))
            answer = self.send("GET", path, idempotent=True)
        if not answer.is_redirect:
            yield answer.content
            return
        with self._presigned.stream("GET", answer.headers["Location"]) as streamed:
            if not streamed.is_success:
                streamed.read()
                raise LinkRefused(streamed)
            yield from streamed.iter_bytes()


class Resource:
    """A group of operations of the client, which share its connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection


def _unreachable(host: str, error: httpx.TransportError) -> ApiProblem:
    return ApiProblem("unreachable", f"{host}: {str(error) or type(error).__name__}")


def _pause_seconds(attempt: int) -> float:
    """Return exponential backoff with jitter."""
    longest = min(_FIRST_PAUSE * 2**attempt, MAX_PAUSE)
    return random.uniform(longest / 2, longest)  # noqa: S311 - not a secret


def _check(answer: httpx.Response) -> httpx.Response:
    """Return a response unless it is an error. Raises ApiProblem."""
    if not answer.is_error:
        return answer
    try:
        problem = answer.json()
        faults = tuple(Fault(**each) for each in problem.get("errors") or ())
        raise ApiProblem(
            problem["code"],
            problem["message"],
            status=answer.status_code,
            faults=faults,
            request_id=problem.get("request_id"),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        message = f"The API returned {answer.status_code}: {answer.text[:500]}"
        raise ApiProblem("unreadable", message, status=answer.status_code) from None
