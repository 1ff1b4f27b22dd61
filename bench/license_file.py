"""A file of licenses as a shop exports it: all 44 columns, ten licenses an order and customer."""

import csv
import io
import random
from collections.abc import Iterator
from pathlib import Path

from shared.columns import PUBLISHED_COLUMNS

PER_ORDER = 10
_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_CLOSED = {
    "license__enabled": "true",
    "license__max_activations": "2",
    "license__allow_unlimited_activations": "false",
    "license__enable_maintenance_period": "false",
    "license__is_trial": "false",
    "license__max_consumptions": "0",
    "license__allow_overages": "false",
    "license__max_overages": "0",
    "license__reset_consumption": "false",
    "license__is_floating": "false",
    "license__is_floating_cloud": "false",
    "license__floating_users": "0",
    "license__floating_timeout": "120",
    "license__prevent_vm": "false",
    "license__max_license_users": "1",
    "order__type": "normal",
    "order__is_test": "false",
    "order__is_trial": "false",
    "order__language": "en",
}
_TERMS: tuple[dict[str, str], ...] = (
    {"license__license_type": "perpetual"},
    {"license__license_type": "perpetual", "license__max_activations": "5"},
    {"license__license_type": "time-limited", "license__valid_duration": "1y"},
    {"license__license_type": "subscription", "license__valid_duration": "1m"},
    {
        "license__license_type": "perpetual",
        "license__is_floating": "true",
        "license__floating_users": "2",
    },
)
_FIRST = ("Ana", "Björn", "Chen", "Dora", "Émile", "Farid", "Grace", "Hana")
_LAST = ("Peña", "Müller", "Li", "Smith", "Dupont", "Haddad", "Okafor", "Novák")


def write_file(
    path: Path, rows: int, *, seed: int = 1, tag: str = "web", per_order: int = PER_ORDER
) -> Path:
    """The same rows for the same number and seed; `tag` is in the names of orders and customers."""
    chance = random.Random(seed)  # noqa: S311  # no secret is drawn
    with path.open("w", encoding="utf-8", newline="") as out:
        out.write(_line(PUBLISHED_COLUMNS))
        out.writelines(_lines(rows, chance, tag, per_order))
    return path


def _lines(rows: int, chance: random.Random, tag: str, per_order: int) -> Iterator[str]:
    bought: dict[str, str] = {}
    for row in range(rows):
        if row % per_order == 0:
            bought = _bought(row // per_order, chance, tag)
        cells = _CLOSED | _TERMS[row % len(_TERMS)] | bought
        letters = chance.choices(_ALPHABET, k=12)
        # The row's number is in the key, so that keys are unique.
        number = f"{row:04X}" if row < 0x10000 else f"{row:X}"
        groups = [number, *("".join(letters[at : at + 4]) for at in range(0, 12, 4))]
        cells["license__license_key"] = "-".join(groups)
        cells["product__short_code"] = "sketch"
        cells["license__subscription_id"] = f"sub-{row:09}"
        if row % 10 == 3:
            cells["license__note"] = f"moved from the old shop as ticket {row}"
        yield _line([cells.get(column, "") for column in PUBLISHED_COLUMNS])


def _bought(number: int, chance: random.Random, tag: str) -> dict[str, str]:
    first, last = chance.choice(_FIRST), chance.choice(_LAST)
    return {
        "order__store_id": f"{tag}-{number:07}",
        "customer__email": f"buyer{number}@{tag}.acme-{number % 977}.example",
        "customer__first_name": first,
        "customer__last_name": last,
        "order__download_id": f"dl-{number * 7919 % 10**9:09}",
        "order__campaign_params": "utm_source=newsletter&utm_medium=email&utm_campaign=spring",
        "customer__company_name": f"Acme {number % 977}{', ' if number % 50 == 7 else ' '}Ltd",
        "customer__phone": f"34 600 {number % 1_000_000:06}",
        "customer__reference": f"crm-{number}",
        "customer__address": f"{number % 400} Main Street",
        "customer__postcode": f"{number % 100_000:05}",
        "customer__city": "Barcelona",
        "customer__country": "ES",
    }


def _line(cells: list[str] | tuple[str, ...]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerow(cells)
    return text.getvalue()
