"""X-Ray traces, if the stage enables them: a span per invocation, with a subspan per AWS call.

Traces contain no data from callers and no error messages, only error codes. If tracing is off,
nothing is imported, and the functions of this module do nothing.
"""

import os
from collections.abc import Callable
from typing import Any

from functions.telemetry.metrics import SERVICE

TRACED = os.environ.get("POWERTOOLS_TRACE_DISABLED") == "false"

if TRACED:
    import wrapt
    from aws_lambda_powertools import Tracer
    from aws_xray_sdk.core import xray_recorder
    from botocore.exceptions import ClientError

    # Not the X-Ray SDK's patch of botocore, which records file names and error messages.
    tracer = Tracer(service=SERVICE, auto_patch=False)

    def _spanned(
        call: Callable[..., Any], client: Any, args: tuple[Any, ...], named: dict[str, Any]
    ) -> Any:
        return xray_recorder.record_subsegment(
            call,
            client,
            args,
            named,
            name=client.meta.service_model.endpoint_prefix,
            namespace="aws",
            meta_processor=_described,
        )

    def _described(
        *, instance: Any, args: Any, subsegment: Any, exception: Exception | None, **_: Any
    ) -> None:
        operation, request = args
        about = {"operation": operation, "region": instance.meta.region_name}
        if isinstance(table := request.get("TableName"), str):
            about["table_name"] = table
        subsegment.set_aws(about)
        if isinstance(exception, ClientError):
            subsegment.put_annotation("code", exception.response["Error"]["Code"])
            subsegment.put_http_meta(
                "status", exception.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
            )
        elif exception is not None:
            subsegment.put_annotation("code", type(exception).__qualname__)
            subsegment.add_fault_flag()

    wrapt.wrap_function_wrapper("botocore.client", "BaseClient._make_api_call", _spanned)


def traced[**P, R](handler: Callable[P, R]) -> Callable[P, R]:
    """Trace a handler, without recording its response or its exception."""
    if not TRACED:
        return handler
    return tracer.capture_lambda_handler(handler, capture_response=False, capture_error=False)


def annotate(**names: str | int | None) -> None:
    """Add annotations, by which the trace can be found."""
    if TRACED:
        for name, value in names.items():
            if value is not None:
                tracer.put_annotation(name, value)  # type: ignore[arg-type]  # an int is a Number
