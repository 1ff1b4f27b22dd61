"""What is told of an unexpected exception: its type and the places, never its message.

A message may hold what was sent or stored, a license key for one. Lambda logs it, and Step
Functions keeps it in the history of an execution.
"""

import traceback
from typing import Any

from aws_lambda_powertools import Logger
from botocore.exceptions import ClientError

from shared.errors import Refused


class Crashed(Exception):
    """In the place of an unexpected exception; names its type."""


def log_fields(error: BaseException) -> dict[str, Any]:
    """The keys under which a crash is logged."""
    return {"error": _name(error), "places": traceback.format_tb(error.__traceback__)}


def redacted(error: Exception, logger: Logger) -> Exception:
    """What a function that nobody waits for ends with: raise it `from None`.

    A refusal is our own words; of anything else type and places are logged.
    """
    if isinstance(error, Refused):
        return error
    logger.error("crash", **log_fields(error))
    return Crashed(_name(error))


def _name(error: BaseException) -> str:
    name = type(error).__qualname__
    return f"{name} {error.response['Error']['Code']}" if isinstance(error, ClientError) else name
