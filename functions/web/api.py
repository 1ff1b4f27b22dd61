"""The HTTP framework of the API functions: routing, authorization, validation, error responses.

A route module creates one `Api`, decorates plain functions, and ends with `handler = api.handler`.
The parameters of a function declare its inputs, and the OpenAPI document is made from them:
`caller: Caller`, `request: SomeModel` (the JSON body), `query: SomeModel` (the query string),
`upload: Upload` (the file of a form), `idempotency_key: IdempotencyKey = None`, and one parameter
for each `<name>` in the path.
"""

import inspect
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit
from pydantic import BaseModel, Field

from functions.telemetry.metrics import SERVICE, count, metrics
from functions.telemetry.redaction import log_fields
from functions.telemetry.tracing import annotate, traced
from functions.web.auth import Caller, caller_of
from functions.web.problems import Crash, headers_of, problem, refusal_of
from functions.web.request import Request
from functions.web.response_size import MOST_BYTES, encoded, sent_bytes
from functions.web.route_table import is_fixed, refusal
from functions.web.routing import Response, Route, find, path_of
from shared.access import ANY_SCOPE, SCOPES
from shared.errors import NotFound, Refused, TooLarge

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from functions.web.upload import Upload

__all__ = ["Answer", "Api", "Caller", "IdempotencyKey", "Operation", "Page", "logger", "metrics"]

logger = Logger(service=SERVICE)

IdempotencyKey = Annotated[
    str | None,
    Field(
        min_length=1,
        max_length=255,
        description="Makes a request repeatable: the same key never acts twice.",
    ),
]

type Handler = Callable[[dict[str, Any], "LambdaContext"], dict[str, Any]]

_EVERYWHERE = {
    "Cache-Control": "no-store",
    "Strict-Transport-Security": "max-age=31536000",
    "X-Content-Type-Options": "nosniff",
}
_MAX_ID = 2**53


class Page[T](BaseModel):
    """One page of a list."""

    count: Annotated[int, Field(description="How many there are in all.")]
    limit: Annotated[int, Field(description="The most records that a page of this list has.")]
    next: Annotated[str | None, Field(description="Where the next page is.")] = None
    previous: Annotated[str | None, Field(description="Where the page before is.")] = None
    cursor: Annotated[str | None, Field(description="Send it as `cursor` to go on from here.")] = (
        None
    )
    results: list[T]


@dataclass(frozen=True, slots=True)
class Answer[T]:
    """A response with a status, headers or a content type of its own; None means the route's.

    A body of type str or bytes is sent as it is.
    """

    body: T | str | bytes
    status: int | None = None
    headers: Mapping[str, str] | None = None
    content_type: str | None = None


@dataclass(frozen=True, slots=True)
class Operation:
    """A registered route, with its description in the OpenAPI document."""

    method: str
    path: str
    function: Callable[..., Any]
    tag: str
    scope: str | None
    refusals: tuple[str, ...]
    status: int
    content_type: str
    moves: bool
    ids: Mapping[str, type]
    takes_caller: bool
    body: type[BaseModel] | None
    query: type[BaseModel] | None
    upload: "type[Upload] | None"
    takes_idempotency_key: bool
    returns: Any

    @property
    def name(self) -> str:
        """The name of the function, which is the operationId."""
        return self.function.__name__

    @property
    def summary(self) -> str:
        """The first line of the docstring, without its full stop."""
        return inspect.cleandoc(self.function.__doc__ or "").partition("\n")[0].rstrip(".")

    @property
    def description(self) -> str:
        """The rest of the docstring."""
        return inspect.cleandoc(self.function.__doc__ or "").partition("\n")[2].strip()


class Api:
    """The routes of one function."""

    def __init__(self, tag: str) -> None:
        """`tag` groups the operations in the OpenAPI document."""
        self.tag = tag
        self.operations: list[Operation] = []
        self._routes: list[Route[Operation]] = []

    def get[F: Callable[..., Any]](self, path: str, **options: Any) -> Callable[[F], F]:
        """Register a GET route; options as in `route`."""
        return self.route("GET", path, **options)

    def post[F: Callable[..., Any]](self, path: str, **options: Any) -> Callable[[F], F]:
        """Register a POST route; options as in `route`."""
        return self.route("POST", path, **options)

    def patch[F: Callable[..., Any]](self, path: str, **options: Any) -> Callable[[F], F]:
        """Register a PATCH route; options as in `route`."""
        return self.route("PATCH", path, **options)

    def route[F: Callable[..., Any]](
        self,
        method: str,
        path: str,
        *,
        scope: str | None = None,
        public: bool = False,
        refusals: tuple[str, ...] = (),
        status: int = 200,
        content_type: str = "application/json",
        moves: bool = False,
    ) -> Callable[[F], F]:
        """Serve a path to API keys with the scope; the trailing slash is optional in requests.

        With ANY_SCOPE every valid key is authorized, and with `public` no key is needed.

        `refusals` are the error codes of the route besides those of every route, and `moves` means
        that the route may answer 307 with a `Location`; both are only documented.
        Raises TypeError at import for a route that neither has a known scope nor is public.
        """
        if public == (scope is not None) or scope not in SCOPES | {ANY_SCOPE, None}:
            raise TypeError(f"{method} {path} needs one of the scopes, or public=True")

        def register(function: F) -> F:
            signed = inspect.signature(function, eval_str=True)
            operation = _operation(
                signed,
                method=method,
                path=path,
                function=function,
                tag=self.tag,
                scope=scope,
                refusals=refusals,
                status=status,
                content_type=content_type,
                moves=moves,
            )
            self.operations.append(operation)
            self._routes.append(Route.of(method, path, operation))
            return function

        return register

    def include(self, other: "Api") -> None:
        """Serve the routes of another module too."""
        self.operations += other.operations
        self._routes += other._routes  # noqa: SLF001  # of the same class

    @property
    def handler(self) -> "Handler":
        """The Lambda entry point."""
        return traced(self.answer)

    def answer(self, event: dict[str, Any], _context: "LambdaContext") -> dict[str, Any]:
        """Handle an event of the HTTP API, and return the response for API Gateway."""
        request = Request.of(event, path_of(event))
        try:
            return self._respond(request).event()
        finally:
            if metrics.metric_set:
                metrics.flush_metrics()

    def _respond(self, request: Request) -> Response:
        """Run the operation, or answer with a problem; log one line without secrets."""
        started = time.perf_counter()
        operation, ids = self._find(request) or (None, {})
        logger.thread_safe_clear_keys()
        logger.thread_safe_append_keys(correlation_id=request.id)
        annotate(correlation_id=request.id, route=operation.path if operation else None)
        code = None
        try:
            response = _unless_known(self._act(operation, request, ids), request)
        except Exception as error:  # noqa: BLE001  # every error response has the same shape
            refused = refusal_of(error)
            code = refused.code
            _count(refused, error)
            response = Response(
                refused.status,
                "application/problem+json",
                problem(
                    refused, docs=f"{request.base_url}/docs", request_id=request.id
                ).model_dump_json(),
                headers_of(refused),
            )
        response.headers = {**_EVERYWHERE, "X-Request-Id": request.id, **response.headers}
        if request.method == "HEAD":
            response = response.without_body()
        logger.info(
            "request",
            method=request.method,
            route=operation.path if operation else None,
            status=response.status,
            code=code,
            ms=round((time.perf_counter() - started) * 1000, 1),
        )
        return response

    def _act(
        self, operation: Operation | None, request: Request, ids: Mapping[str, str]
    ) -> Response:
        if operation is None:
            raise refusal(request)
        return _call(operation, request, ids)

    def _find(self, request: Request) -> tuple[Operation, dict[str, str]] | None:
        """The operation for a request, with the ids in its path; HEAD is handled like GET.

        A fixed path such as `/orders/create_order/` never matches a route with an id, even if only
        another function serves the path.
        """
        method = "GET" if request.method == "HEAD" else request.method
        found = find(self._routes, method, request.path)
        if found and _has_a_name_for_an_id(*found) and is_fixed(request.path):
            return None
        return found


def _operation(signed: inspect.Signature, **declared: Any) -> Operation:
    path: str = declared["path"]
    ids = dict.fromkeys(re.findall(r"<(\w+)>", path), int)
    annotated = {name: parameter.annotation for name, parameter in signed.parameters.items()}
    known = {"caller", "request", "query", "upload", "idempotency_key", *ids}
    if annotated.keys() - known or ids.keys() - annotated.keys():
        raise TypeError(f"{path}: parameters must be path ids or of {', '.join(sorted(known))}")
    returns = signed.return_annotation
    if get_origin(returns) is Answer:
        returns = get_args(returns)[0]
    for model in (annotated.get("request"), annotated.get("query"), returns):
        if isinstance(model, type) and issubclass(model, BaseModel):
            model.model_rebuild()  # during the cold start, not during the first request
    return Operation(
        ids={name: annotated[name] for name in ids},
        takes_caller="caller" in annotated,
        body=annotated.get("request"),
        query=annotated.get("query"),
        upload=annotated.get("upload"),
        takes_idempotency_key="idempotency_key" in annotated,
        returns=returns,
        **declared,
    )


def _call(operation: Operation, request: Request, ids: Mapping[str, str]) -> Response:
    given: dict[str, Any] = {}
    if operation.scope is not None:
        caller = caller_of(request, operation.scope)
        annotate(company=caller.company)
        if operation.takes_caller:
            given["caller"] = caller
    for name, text in ids.items():
        given[name] = _id(text) if operation.ids[name] is int else text
    if operation.query is not None:
        given["query"] = request.read_query(operation.query)
    if operation.takes_idempotency_key:
        given["idempotency_key"] = request.idempotency_key()
    if operation.body is not None:
        given["request"] = request.read_body(operation.body)
    if operation.upload is not None:
        given["upload"] = operation.upload.of(request)
    return _response(operation.function(**given), operation)


def _has_a_name_for_an_id(operation: Operation, ids: Mapping[str, str]) -> bool:
    return any(operation.ids[name] is int and not text.isdecimal() for name, text in ids.items())


def _id(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 16 and int(text) < _MAX_ID):
        raise NotFound("Not found.")
    return int(text)


def _response(result: Any, operation: Operation) -> Response:
    answer = result if isinstance(result, Answer) else Answer(result)
    body = encoded(answer.body)
    if sent_bytes(body) > MOST_BYTES:
        raise _too_large(operation)
    return Response(
        answer.status or operation.status,
        answer.content_type or operation.content_type,
        body,
        answer.headers or {},
    )


def _too_large(operation: Operation) -> TooLarge:
    """The error for a response that exceeds Lambda's limit, which would cause a 500 otherwise."""
    if operation.method == "GET":
        message = "ask for fewer records with limit, or for each record by its id"
    else:
        message = "it was carried out; read the record with GET, do not send this again"
    return TooLarge("answer_too_large", f"The answer is larger than {MOST_BYTES} bytes: {message}")


def _unless_known(response: Response, request: Request) -> Response:
    """304 without a body if the client has the current version."""
    etag = response.headers.get("ETag")
    if isinstance(etag, str) and etag in request.headers.get("if-none-match", ""):
        return Response(304, None, "", response.headers)
    return response


def _count(refused: Refused, error: Exception) -> None:
    """Count an error response by its code, and an unexpected exception for the alarm.

    Only the type and the stack of an unexpected exception are logged, because its message may
    contain what the caller sent.
    """
    count("Refused", code=refused.code)
    if refused is error:
        return
    kind = "crash" if isinstance(refused, Crash) else "unavailable"
    logger.error(kind, **log_fields(error))
    if isinstance(refused, Crash):
        metrics.add_metric(name="Crash", unit=MetricUnit.Count, value=1)
