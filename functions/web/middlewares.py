"""What every request to an API function has in common, as middlewares of Powertools' resolver.

They and the routes share `app.context["state"]`. A middleware reads it before it calls the next
one, because the resolver has one context, and clears it at the end of a request.
"""

import time
from dataclasses import dataclass
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import ApiGatewayResolver, Response
from aws_lambda_powertools.event_handler.middlewares import NextMiddleware
from aws_lambda_powertools.metrics import MetricUnit

from functions.telemetry.metrics import SERVICE, count, metrics
from functions.telemetry.redaction import log_fields
from functions.telemetry.tracing import annotate
from functions.web.head import drop_body_of_head
from functions.web.problems import Crash, headers_of, problem, refusal_of
from functions.web.request import Request
from shared.errors import Refused

logger = Logger(service=SERVICE)

_EVERYWHERE = {
    "Cache-Control": "no-store",
    "Strict-Transport-Security": "max-age=31536000",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(slots=True)
class RequestState:
    """A request, and what becomes known while it is handled: its route, and an error's code."""

    request: Request
    route: str | None = None
    code: str | None = None


def log_request(app: ApiGatewayResolver, next_middleware: NextMiddleware) -> Response[Any]:
    """Parse the request, give all log lines its id, and log one line without secrets."""
    started = time.perf_counter()
    request = Request.of(app.current_event.raw_event, app.current_event.path)
    state = app.context["state"] = RequestState(request)
    logger.thread_safe_clear_keys()
    logger.thread_safe_append_keys(correlation_id=request.id)
    annotate(correlation_id=request.id)
    response: Response[Any] = next_middleware(app)
    logger.info(
        "request",
        method=request.method,
        route=state.route,
        status=response.status_code,
        code=state.code,
        ms=round((time.perf_counter() - started) * 1000, 1),
    )
    return response


def add_headers(app: ApiGatewayResolver, next_middleware: NextMiddleware) -> Response[Any]:
    """Add the headers of every response, except where the route has its own."""
    request: Request = app.context["state"].request
    response: Response[Any] = next_middleware(app)
    response.headers = {**_EVERYWHERE, "X-Request-Id": request.id, **response.headers}
    return response


def answer_errors(app: ApiGatewayResolver, next_middleware: NextMiddleware) -> Response[Any]:
    """Answer any exception with a problem.

    A middleware and not an exception handler of the resolver, whose responses pass no middleware.
    """
    state: RequestState = app.context["state"]
    try:
        response: Response[Any] = next_middleware(app)
    except Exception as error:  # noqa: BLE001  # every error response has the same shape
        request, refused = state.request, refusal_of(error)
        state.code = refused.code
        _count(refused, error)
        body = problem(refused, docs=f"{request.base_url}/docs", request_id=request.id)
        return Response(
            refused.status,
            "application/problem+json",
            body.model_dump_json(),
            dict(headers_of(refused)),
        )
    return response


def answer_unmodified(app: ApiGatewayResolver, next_middleware: NextMiddleware) -> Response[Any]:
    """Answer 304 without a body if the client has the current version."""
    known = app.context["state"].request.headers.get("if-none-match", "")
    response: Response[Any] = next_middleware(app)
    etag = response.headers.get("ETag")
    if isinstance(etag, str) and etag in known:
        response.headers.pop("Content-Type", None)
        return Response(304, None, "", response.headers)
    return response


MIDDLEWARES = [log_request, drop_body_of_head, add_headers, answer_errors, answer_unmodified]
"""In this order, the first is the outermost."""


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
