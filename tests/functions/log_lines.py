"""What the functions log, of which CloudWatch makes metrics too."""

from collections.abc import Callable
from typing import Any

type Out = Callable[[], list[dict[str, Any]]]
"""The lines since it was called last."""
