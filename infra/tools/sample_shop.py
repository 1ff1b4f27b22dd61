"""A company with a realistic catalog, orders and imports, which the screenshots show.

Orders have fixed ids, and files that have been imported are not imported again.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from infra.cli.catalog import load_catalog
from infra.client.client import Client
from infra.local.demo import CATALOG
from shared.import_job import Kind

ORDERS, NEWEST = 14, date(2026, 11, 20)
BUYERS = (
    ("ana.garcia@northwind.example", "Ana", "García", "Northwind Studio"),
    ("b.okafor@lumen.example", "Bola", "Okafor", "Lumen Works"),
    ("chen@paperkite.example", "Chen", "Wei", "Paper Kite"),
    ("dora@atelier-nord.example", "Dóra", "Nagy", "Atelier Nord"),
    ("elif@karga.example", "Elif", "Demir", "Karga Games"),
    ("finn@harbor.example", "Finn", "Larsen", ""),
)
BASKETS: tuple[tuple[tuple[str, int, dict[str, Any]], ...], ...] = (
    (("sketch", 5, {"policy_code": "studio", "product_features": ["export-pdf", "renders"]}),),
    (("sketch", 1, {"policy_code": "forever"}), ("brushes", 1, {"policy_code": "forever"})),
    (("minutes", 1, {"max_consumptions": 2000}),),
    (("cloud", 2, {"license_type": "subscription"}),),
    (("sketch", 12, {"policy_code": "studio"}),),
    (("sketch", 1, {"policy_code": "studio", "is_trial": True, "trial_days": 14}),),
)
LICENSES = """\
license__license_key,product__short_code,license__license_type,license__valid_duration,customer__email
OLD-SHOP-0001,sketch,time-limited,1y,ana.garcia@northwind.example
OLD-SHOP-0002,sketch,time-limitd,1y,b.okafor@lumen.example
OLD-SHOP-0003,brush,perpetual,,chen@paperkite.example
OLD-SHOP-0004,brushes,perpetual,,dora@atelier-nord.example
"""
RENEWALS = """\
license__license_key,product__short_code,license__note
OLD-SHOP-0001,sketch,Renewed by phone
OLD-SHOP-0004,brushes,Invoice 2026-118
OLD-SHOP-0005,brushes,
"""
CUSTOMERS = """\
email,first_name,last_name,company_name
gita@monsoon.example,Gita,Rao,Monsoon Films
hugo@atelier-sud.example,Hugo,Blanc,Atelier Sud
"""
MAPPED = """\
Serial;Produkt;Kunde E-Mail;Gültig bis
SHOP-77-0001;sketch;ines@papaya.example;31.12.2027
SHOP-77-0002;sketch;jonas@funk.example;28.02.2028
SHOP-77-0003;brushes;kim@tall-ships.example;30.06.2027
"""
"""A file of another system: its columns are mapped, and its dates have the day first."""
FILES: tuple[tuple[str, Kind, str, Mapping[str, Any]], ...] = (
    ("old-shop.csv", "licenses", LICENSES, {}),
    ("newsletter.csv", "customers", CUSTOMERS, {}),
    ("renewals.csv", "licenses", RENEWALS, {"dry_run": True, "on_existing": "update"}),
)


class SampleShop:
    """The records of the company; `imports` are the numbers of its imports by file name."""

    def __init__(self, client: Client, folder: Path) -> None:
        """Load the sample catalog, place orders and import files, unless they exist already."""
        load_catalog(client, CATALOG)
        for number in range(ORDERS):
            client.orders.create(_order(number))
        existing = {job.file_name: job.id for job in client.imports.list() if not job.undoes}
        self.imports = {
            name: existing.get(name) or _import(client, folder / name, kind, text, options)
            for name, kind, text, options in FILES
        }


def _import(client: Client, file: Path, kind: Kind, text: str, options: Mapping[str, Any]) -> int:
    file.write_text(text, encoding="utf-8")
    return client.imports.wait(client.imports.send(file, kind, **options).id).id


def _order(number: int) -> dict[str, Any]:
    email, first, last, company = BUYERS[number % len(BUYERS)]
    customer = {"email": email, "first_name": first, "last_name": last, "company_name": company}
    return {
        "id": f"web-{4711 + ORDERS - number}",
        "created": f"{NEWEST - timedelta(days=number * number)}T{8 + number:02}:15:00Z",
        "customer": customer,
        "items": [_item(*line, email=email) for line in BASKETS[number % len(BASKETS)]],
        "is_test": number == ORDERS - 1,
    }


def _item(code: str, quantity: int, license: dict[str, Any], *, email: str) -> dict[str, Any]:
    """Return an order item; the user-based product gets one user per license."""
    name = email.replace("@", "{}@")
    users = [[{"email": name.format(f"+{n}")}] if code == "cloud" else [] for n in range(quantity)]
    return {"product_code": code, "licenses": [{**license, "users": each} for each in users]}
