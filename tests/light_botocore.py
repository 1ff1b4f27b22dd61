"""Patches of botocore that leave out work of a request which no test observes.

How a request is sent after that, above all how often it is retried, does not change.
`tests/aws_requests.py` checks the parameters of each request, since the product's client does not
(`parameter_validation`).
"""

import threading
from base64 import b64encode
from types import SimpleNamespace
from typing import Any
from weakref import WeakKeyDictionary

import botocore.endpoint
import orjson
import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse, HeadersDict
from botocore.client import BaseClient
from botocore.endpoint import Endpoint, convert_to_response_dict
from botocore.hooks import first_non_none_response
from botocore.model import OperationModel, Shape
from botocore.parsers import BaseJSONParser, JSONParser
from botocore.regions import EndpointRulesetResolver
from botocore.serialize import JSONSerializer
from botocore.useragent import UserAgentString

from tests.faults.attribute_values import attribute_of

_endpoints: WeakKeyDictionary[EndpointRulesetResolver, dict[tuple[str, str | None], Any]] = (
    WeakKeyDictionary()
)
_CONSTRUCT = EndpointRulesetResolver.construct_endpoint
_MAKE_CALL: Any = vars(BaseClient)["_make_api_call"]
_GET_RESPONSE: Any = vars(Endpoint)["_do_get_response"]
_CREATE = Endpoint.create_request
_SERIALIZE = JSONSerializer.serialize_to_request
_PARSE: Any = vars(JSONParser)["_handle_json_body"]
ON_RECORDS = frozenset(
    {
        "BatchGetItem",
        "BatchWriteItem",
        "DeleteItem",
        "GetItem",
        "PutItem",
        "Query",
        "TransactWriteItems",
        "UpdateItem",
    }
)
_OF_RECORDS = frozenset(f"{operation}Output" for operation in ON_RECORDS)


class _First(threading.local):
    """What the first attempt of the current call led to, until botocore takes it over."""

    outcome: AWSResponse | Exception | None = None


_first = _First()
_is_light = False


def lighten(patch: pytest.MonkeyPatch) -> None:
    """Apply the patches for the lifetime of `patch`. Requests to DynamoDB are not signed."""
    patch.setattr(UserAgentString, "to_string", lambda _: "botocore")
    patch.setattr(EndpointRulesetResolver, "construct_endpoint", _construct_endpoint)
    patch.setattr(BaseJSONParser, "_handle_structure", _structure)
    patch.setattr(Endpoint, "create_request", _create_request)
    patch.setattr(JSONSerializer, "serialize_to_request", _serialize)
    patch.setattr(JSONParser, "_handle_json_body", _parse)
    patch.setattr(Endpoint, "_do_get_response", _get_response)
    # The class keeps its method, because others wrap it.
    patch.setattr("tests.light_botocore._is_light", True)
    # Retries are immediate; their number does not change.
    patch.setattr(botocore.endpoint, "time", SimpleNamespace(sleep=lambda _seconds: None))


def _make_call(self: Any, operation: str, parameters: Any) -> Any:
    """Make a call, without botocore's machinery if the first attempt of one on records succeeds."""
    model = self.meta.service_model
    if not _is_light or operation not in ON_RECORDS or model.service_name != "dynamodb":
        return _MAKE_CALL(self, operation, parameters)
    request = _request(model.metadata, operation, self.meta.endpoint_url, parameters)
    try:
        responses = self.meta.events.emit(f"before-send.dynamodb.{operation}", request=request)
        answer = first_non_none_response(responses)
    except Exception as error:  # noqa: BLE001  # botocore retries it, or raises it
        answer = error
    called = model.operation_model(operation)
    if isinstance(answer, AWSResponse) and answer.status_code < 300 and _is_plain(answer):
        parsed = orjson.loads(answer.content)
        parsed["ResponseMetadata"] = {"HTTPStatusCode": answer.status_code, "RetryAttempts": 0}
        # Those who count calls hear of this one now; of a failed one, when botocore begins it.
        sent = {"headers": request.headers, "body": request.body}
        events, about = self.meta.events, {"model": called, "context": {}}
        events.emit(f"before-call.dynamodb.{operation}", params=sent, request_signer=None, **about)
        ended = f"after-call.dynamodb.{operation}"
        events.emit(ended, http_response=answer, parsed=parsed, **about)
        return parsed
    _first.outcome = answer
    return _MAKE_CALL(self, operation, parameters)


BaseClient._make_api_call = _make_call  # type: ignore[attr-defined]  # noqa: SLF001  # before others wrap it


def _is_plain(answer: AWSResponse) -> bool:
    return b'"B":' not in answer.content


def _request(metadata: Any, operation: str, url: str, parameters: Any) -> AWSPreparedRequest:
    headers: Any = HeadersDict(  # the stubs expect another class
        {
            "X-Amz-Target": f"{metadata['targetPrefix']}.{operation}",
            "Content-Type": f"application/x-amz-json-{metadata['jsonVersion']}",
        }
    )
    body: Any = orjson.dumps(parameters, default=_base64)
    return AWSPreparedRequest("POST", f"{url}/", headers, body, False)


def _get_response(self: Any, request: Any, operation_model: OperationModel, context: Any) -> Any:
    """Take over what the first attempt led to, instead of sending the request again."""
    answer, _first.outcome = _first.outcome, None
    if answer is None:
        return _GET_RESPONSE(self, request, operation_model, context)
    if isinstance(answer, Exception):
        return None, answer
    received = convert_to_response_dict(answer, operation_model)
    factory: Any = self._response_parser_factory
    parser = factory.create_parser(operation_model.service_model.resolved_protocol)
    parsed = parser.parse(received, operation_model.output_shape)
    if answer.status_code >= 300:
        self._add_modeled_error_fields(received, parsed, operation_model, parser)
    return (answer, parsed), None


def _construct_endpoint(
    self: EndpointRulesetResolver, operation_model: Any, call_args: Any, request_context: Any
) -> Any:
    """An endpoint follows from the operation, and of S3 from the bucket."""
    known = _endpoints.setdefault(self, {})
    called = operation_model.name, (call_args or {}).get("Bucket")
    if called not in known:
        known[called] = _CONSTRUCT(self, operation_model, call_args, request_context)
    return known[called]


def _create_request(
    self: Endpoint, params: dict[str, Any], operation_model: Any = None
) -> AWSPreparedRequest:
    """Prepare a request to DynamoDB without encoding and sorting headers that no test reads."""
    if self._endpoint_prefix != "dynamodb":  # type: ignore[attr-defined]  # it has no public name
        prepared: AWSPreparedRequest = _CREATE(self, params, operation_model)
        return prepared
    headers: Any = HeadersDict(params["headers"])  # the stubs expect another class
    headers["amz-sdk-request"] = f"attempt={params['context']['retries']['attempt']}"
    return AWSPreparedRequest(params["method"], params["url"], headers, params["body"], False)


def _serialize(self: Any, parameters: Any, operation_model: OperationModel) -> Any:
    """Serialize a request to DynamoDB as it is: except for binary values it has the wire format."""
    if operation_model.service_model.service_name != "dynamodb":
        return _SERIALIZE(self, parameters, operation_model)
    metadata = operation_model.metadata
    return self._create_default_request() | {
        "headers": {
            "X-Amz-Target": f"{metadata['targetPrefix']}.{operation_model.name}",
            "Content-Type": f"application/x-amz-json-{metadata['jsonVersion']}",
        },
        "body": orjson.dumps(parameters, default=_base64),
    }


def _parse(self: Any, raw_body: bytes, shape: Shape) -> Any:
    """Parse DynamoDB's answers about records as they are, for the same reason."""
    if shape.name not in _OF_RECORDS or b'"B":' in raw_body:
        return _PARSE(self, raw_body, shape)
    return orjson.loads(raw_body)


def _base64(value: Any) -> str:
    return b64encode(value).decode()


def _structure(self: Any, shape: Any, value: Any) -> Any:
    """Parse a structure as botocore does, without a look-up of each absent member."""
    if value is None:
        return None
    if shape.name == "AttributeValue":
        return attribute_of(value)
    members = shape.members
    return {
        name: self._parse_shape(members[name], part)
        for name, part in value.items()
        if part is not None and name in members
    }
