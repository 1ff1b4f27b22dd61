"""Log unexpected exceptions by type and stack, without their messages.

A message can contain data, such as a license key. Lambda would log it, and Step Functions would
store it in the history of the execution.
"""

import traceback
from typing import Any

from aws_lambda_powertools import Logger
from botocore.exceptions import ClientError

from shared.errors import Refused


class Crashed(Exception):
    """Replaces an unexpected exception, and names its type."""


def log_fields(error: BaseException) -> dict[str, Any]:
    return {"error": _name(error), "places": traceback.format_tb(error.__traceback__)}


def redacted(error: Exception, logger: Logger) -> Exception:
    """The exception to raise, `from None`, from an asynchronously invoked function.

    Our own refusals are kept. Other exceptions are logged by type and stack, and replaced.
    """
    if isinstance(error, Refused):
        return error
    logger.error("crash", **log_fields(error))
    return Crashed(_name(error))


def _name(error: BaseException) -> str:
    name = type(error).__qualname__
    return f"{name} {error.response['Error']['Code']}" if isinstance(error, ClientError) else name
