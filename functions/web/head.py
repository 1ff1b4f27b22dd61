"""HEAD requests, which are served wherever GET is."""

from typing import Any

from aws_lambda_powertools.event_handler import ApiGatewayResolver, Response
from aws_lambda_powertools.event_handler.middlewares import NextMiddleware


def drop_body_of_head(app: ApiGatewayResolver, next_middleware: NextMiddleware) -> Response[Any]:
    """Middleware: answer HEAD with the headers of GET, and with the length of its body."""
    is_head = app.current_event.http_method == "HEAD"
    response: Response[Any] = next_middleware(app)
    if is_head:
        body = response.body
        if size := len(body.encode() if isinstance(body, str) else body or b""):
            response.headers["Content-Length"] = str(size)
        response.body = ""
    return response
