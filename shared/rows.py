"""One row a record: the columns of the files that are imported and exported.

Published: import licenses from CSV.
"""

from collections.abc import Mapping

from shared.customers import Customer
from shared.licenses import License
from shared.orders import Order
from shared.terms import SYSTEM

_LICENSE_TERMS = (
    "license_type",
    "max_activations",
    "allow_unlimited_activations",
    "valid_duration",
    "validity_period",
    "enable_maintenance_period",
    "maintenance_duration",
    "maintenance_period",
    "is_trial",
    "trial_days",
    "max_consumptions",
    "allow_overages",
    "max_overages",
    "reset_consumption",
    "consumption_period",
    "is_floating",
    "is_floating_cloud",
    "floating_users",
    "floating_timeout",
    "prevent_vm",
    "subscription_id",
    "note",
    "max_license_users",
)
_CUSTOMER = (
    "email",
    "first_name",
    "last_name",
    "company_name",
    "phone",
    "reference",
    "address",
    "postcode",
    "state",
    "city",
    "country",
)
_ORDER = ("store_id", "type", "is_test", "is_trial", "download_id", "language", "campaign_params")

LICENSE_COLUMNS = (
    "license__license_key",
    "product__short_code",
    "license__enabled",
    *(f"license__{name}" for name in _LICENSE_TERMS),
    *(f"order__{name}" for name in _ORDER),
    *(f"customer__{name}" for name in _CUSTOMER),
)


def license_row(license: License, order: Order, customer: Customer | None) -> list[str]:
    """A license as a row of `LICENSE_COLUMNS`, every term closed."""
    terms: Mapping[str, object] = {name: SYSTEM.get(name) for name in _LICENSE_TERMS}
    said = {n: value for n in _LICENSE_TERMS if (value := getattr(license, n)) is not None}
    return [
        _cell(value)
        for value in (
            license.license_key,
            license.product_code,
            license.enabled,
            *{**terms, **said}.values(),
            *(getattr(order, name) for name in _ORDER),
            *(getattr(customer, name) if customer else None for name in _CUSTOMER),
        )
    ]


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
