"""API Gateway's choice of a route, as AWS describes it, and every reading of what AWS leaves open.

AWS, "Create routes for HTTP APIs in API Gateway":

    "API Gateway selects the route with the most-specific match, using the following priorities:
    1. Full match for a route and method. 2. Match for a route and method with a greedy path
    variable ({proxy+}). 3. The $default route."
    "You can use the ANY method to match all methods that you haven't defined for a resource."
    "A greedy path variable catches all child resources of a route."

It does not say whether `/orders/{proxy+}` matches `/orders/`, nor which of two greedy routes is the
more specific one.
"""

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True)
class Reading:
    """One way to understand AWS's words."""

    empty_rest: bool
    """A greedy variable matches an empty rest: `/orders/{proxy+}` matches `/orders/`."""
    longest_first: bool
    """Of two greedy routes the longer one is chosen; the opposite is the worst that could be."""
    method_first: bool
    """Routes of other methods are left out before the path is compared, not after."""

    def __str__(self) -> str:
        return ", ".join(name if known else f"not {name}" for name, known in vars(self).items())


READINGS = [Reading(*each) for each in itertools.product((True, False), repeat=3)]
EXPECTED = Reading(empty_rest=True, longest_first=True, method_first=True)


@dataclass(frozen=True)
class Gateway:
    """The route keys of an API, each with the name of what it leads to."""

    routes: Mapping[str, str]
    reading: Reading

    def target(self, method: str, path: str) -> str:
        """What a request is sent to."""
        return self.routes[self.route_key(method, path)]

    def route_key(self, method: str, path: str) -> str:
        """The key of the route that is selected."""
        keys = [key for key in self.routes if key != "$default" and self._matches(key, path)]
        if self.reading.method_first:
            keys = [key for key in keys if self._serves(key, method)]
        best = sorted(keys, key=self._rank)
        resource = best[0].partition(" ")[2] if best else None
        found = [key for key in best if key.endswith(f" {resource}") and self._serves(key, method)]
        return min(found, key=lambda key: key.startswith("ANY "), default="$default")

    def _serves(self, key: str, method: str) -> bool:
        named, _, path = key.partition(" ")
        if named == "ANY":
            return f"{method} {path}" not in self.routes
        return named == method

    def _matches(self, key: str, path: str) -> bool:
        pattern = _pattern(key.partition(" ")[2], empty_rest=self.reading.empty_rest)
        return pattern.fullmatch(path) is not None

    def _rank(self, key: str) -> tuple[bool, int, int]:
        """The best first: full matches, then by parts that are no variable, then by all parts."""
        parts = key.partition(" ")[2].strip("/").split("/")
        greedy = key.endswith("+}")
        sign = -1 if self.reading.longest_first or not greedy else 1
        fixed = sum(not part.startswith("{") for part in parts)
        return greedy, sign * fixed, sign * len(parts)


@cache
def _pattern(path: str, *, empty_rest: bool) -> re.Pattern[str]:
    return re.compile("".join(_parts(path, empty_rest)))


def _parts(path: str, empty_rest: bool) -> Iterator[str]:
    for part in re.split(r"({[^}]+})", path):
        if part.endswith("+}"):
            yield ".*" if empty_rest else ".+"
        else:
            yield "[^/]+" if part.startswith("{") else re.escape(part)
