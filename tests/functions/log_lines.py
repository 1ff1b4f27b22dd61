"""Log lines of the functions, including metrics in EMF."""

from collections.abc import Callable
from typing import Any

type Out = Callable[[], list[dict[str, Any]]]
"""The lines since it was called last."""
