"""Routes of the API functions, on Powertools' resolver: scopes, inputs, and the OpenAPI document.

A route module creates one `Api`, decorates plain functions, and ends with `handler = api.handler`.
The parameters of a function declare its inputs, and the OpenAPI document is made from them:
`caller: Caller`, `request: SomeModel` (the JSON body), `query: SomeModel` (the query string),
`upload: Upload` (the file of a form), `idempotency_key: IdempotencyKey = None`, and one parameter
for each `<name>` in the path.
"""

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.api_gateway import Router
from pydantic import BaseModel, Field

from functions.telemetry.metrics import metrics
from functions.telemetry.tracing import annotate, traced
from functions.web.auth import Caller, caller_of
from functions.web.middlewares import MIDDLEWARES, RequestState, logger
from functions.web.request import NoQuery, Request
from functions.web.response_size import MOST_BYTES, encoded, fits
from functions.web.route_table import is_fixed, refusal
from shared.access import ANY_SCOPE, SCOPES
from shared.errors import NotFound, TooLarge
from shared.store.writer import written_by

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from functions.web.upload import Upload

__all__ = ["Answer", "Api", "Caller", "IdempotencyKey", "Operation", "Page", "logger", "metrics"]

IdempotencyKey = Annotated[
    str | None,
    Field(
        min_length=1,
        max_length=255,
        description="Makes the request idempotent: the same key never acts twice.",
    ),
]

type Handler = Callable[[dict[str, Any], "LambdaContext"], dict[str, Any]]

_MAX_ID = 2**53


class Page[T](BaseModel):
    """One page of a list."""

    count: Annotated[int, Field(description="Number of all records in the list, at most 10,000.")]
    limit: Annotated[int, Field(description="The most records that a page of this list has.")]
    next: Annotated[str | None, Field(description="URL of the next page.")] = None
    previous: Annotated[str | None, Field(description="URL of the previous page.")] = None
    cursor: Annotated[
        str | None,
        Field(description="The position after this page: send it as `cursor` to continue."),
    ] = None
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
    pends: bool
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
    """The routes of one module; those of a function are served by its `handler`."""

    def __init__(self, tag: str) -> None:
        """`tag` groups the operations in the OpenAPI document."""
        self.tag = tag
        self.operations: list[Operation] = []
        self._routers: list[Router] = [Router()]  # type: ignore[no-untyped-call]  # its __init__ has no types

    def get[F: Callable[..., Any]](self, path: str, **options: Any) -> Callable[[F], F]:
        """Register a GET route; options as in `route`."""
        return self.route("GET", path, **options)

    def post[F: Callable[..., Any]](self, path: str, **options: Any) -> Callable[[F], F]:
        """Register a POST route; options as in `route`."""
        return self.route("POST", path, **options)

    def patch[F: Callable[..., Any]](self, path: str, **options: Any) -> Callable[[F], F]:
        """Register a PATCH route; options as in `route`."""
        return self.route("PATCH", path, **options)

    def delete[F: Callable[..., Any]](self, path: str, **options: Any) -> Callable[[F], F]:
        """Register a DELETE route, which answers 204 without a body; options as in `route`."""
        return self.route("DELETE", path, status=204, **options)

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
        pends: bool = False,
    ) -> Callable[[F], F]:
        """Serve a path to API keys with the scope; the trailing slash is optional in requests.

        With ANY_SCOPE every valid key is authorized, and with `public` no key is needed.

        `refusals` are the error codes of the route besides those of every route, and `moves` means
        that the route may answer 307 with a `Location`, `pends` that it may answer 202 with
        `Retry-After` until what it answers with is ready; all three are only documented.
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
                pends=pends,
            )
            self.operations.append(operation)
            methods = ["GET", "HEAD"] if method == "GET" else [method]
            self._routers[0].route(_rule(path), methods)(self._endpoint(operation))
            return function

        return register

    def include(self, other: "Api") -> None:
        """Serve the routes of another module too; only one function can include a module."""
        self.operations += other.operations
        self._routers += other._routers  # noqa: SLF001  # of the same class

    @property
    def handler(self) -> "Handler":
        """The Lambda entry point, after all routes."""
        self._resolver  # noqa: B018  # during the cold start, not during the first request
        return traced(self.answer)

    def answer(self, event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
        """Handle an event of the HTTP API, and return the response for API Gateway."""
        try:
            return self._resolver.resolve(event, context)
        finally:
            if metrics.metric_set:
                metrics.flush_metrics()

    @cached_property
    def _resolver(self) -> APIGatewayHttpResolver:
        """Powertools' resolver; never in its debug mode, which prints events with their keys."""
        resolver = APIGatewayHttpResolver(debug=False)
        resolver.use(MIDDLEWARES)
        resolver.not_found(lambda _: self._refuse(resolver.context["state"].request))
        for router in self._routers:
            resolver.include_router(router)
        return resolver

    def _endpoint(self, operation: Operation) -> Callable[..., Response[Any]]:
        """The function that the resolver calls with the ids in the path.

        A fixed path such as `/orders/create_order/` never matches a route with an id, even if only
        another function serves the path.
        """
        router = self._routers[0]

        def endpoint(**ids: str) -> Response[Any]:
            state: RequestState = router.context["state"]
            if _has_a_name_for_an_id(operation, ids) and is_fixed(state.request.path):
                raise refusal(state.request)
            state.route = operation.path
            annotate(route=operation.path)
            return self._act(operation, state.request, ids)

        return endpoint

    def _act(self, operation: Operation, request: Request, ids: Mapping[str, str]) -> Response[Any]:
        return _call(operation, request, ids)

    def _refuse(self, request: Request) -> Response[Any]:
        """Refuse a request that no route matches."""
        raise refusal(request)


def _rule(path: str) -> str:
    """Convert a path to Powertools' pattern, in which the last slash is optional.

    `\\Z`, because the `$` that Powertools adds also matches before a line break.
    """
    return re.escape(path.rstrip("/")) + r"/?\Z"


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


def _call(operation: Operation, request: Request, ids: Mapping[str, str]) -> Response[Any]:
    given: dict[str, Any] = {}
    writer = None
    if operation.scope is not None:
        caller = caller_of(request, operation.scope)
        writer = caller.prefix
        annotate(company=caller.company)
        if operation.takes_caller:
            given["caller"] = caller
    for name, text in ids.items():
        given[name] = _id(text) if operation.ids[name] is int else text
    if operation.query is not None:
        given["query"] = request.read_query(operation.query)
    elif operation.scope is not None:
        request.read_query(NoQuery)
    if operation.takes_idempotency_key:
        given["idempotency_key"] = request.idempotency_key()
    if operation.body is not None:
        given["request"] = request.read_body(operation.body)
    if operation.upload is not None:
        given["upload"] = operation.upload.of(request)
    with written_by(writer):
        return _response(operation.function(**given), operation)


def _has_a_name_for_an_id(operation: Operation, ids: Mapping[str, str]) -> bool:
    return any(operation.ids[name] is int and not text.isdecimal() for name, text in ids.items())


def _id(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 16 and int(text) < _MAX_ID):
        raise NotFound("Not found.")
    return int(text)


def _response(result: Any, operation: Operation) -> Response[Any]:
    if operation.status == HTTPStatus.NO_CONTENT:
        return Response(operation.status, None, "")
    answer = result if isinstance(result, Answer) else Answer(result)
    body = encoded(answer.body)
    if not fits(body, MOST_BYTES):
        raise _too_large(operation)
    return Response(
        answer.status or operation.status,
        answer.content_type or operation.content_type,
        body,
        dict(answer.headers or {}),
    )


def _too_large(operation: Operation) -> TooLarge:
    """The error for a response that exceeds Lambda's limit, which would cause a 500 otherwise."""
    if operation.method == "GET":
        message = "request fewer records with limit, or for each record by its id"
    else:
        message = "it was carried out; read the record with GET, do not send this again"
    return TooLarge(
        "answer_too_large", f"The response is larger than {MOST_BYTES} bytes: {message}"
    )
