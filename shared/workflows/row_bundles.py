"""The bundles in a batch of rows: the licenses of each are created together, or not at all."""

from collections.abc import Iterable, Sequence

from shared.catalog import Product
from shared.licenses import License
from shared.row_entries import Faults, Import, LicenseEntry, fault_of
from shared.workflows.pending_orders import BYTES


class RowBundles:
    """Which rows of each bundle have no license yet, by the bundle's license key.

    A bundle is created if these are a row of it and of each of its members. Rows whose licenses
    exist are not needed for that: a bundle without members can't be completed by a file.
    """

    def __init__(self, job: Import) -> None:
        self.job = job
        self._missing: dict[str, dict[str, LicenseEntry]] = {}
        self._products: dict[str, Product] = {}
        self._told: dict[str, str] = {}
        """What was wrong with a bundle before its first row was refused."""

    def expect(self, entries: Iterable[LicenseEntry]) -> None:
        """Take these rows as such without license.

        A row that only updates a license can name a product that is not in the catalog.
        """
        for entry in entries:
            if entry.bundle_key:
                product = self.job.catalog.get(entry.model.product_code)
                if product is not None and product.is_bundle:
                    self._products[entry.bundle_key] = product
                self._missing.setdefault(entry.bundle_key, {})[entry.key] = entry

    def sold_as(self, entry: LicenseEntry) -> tuple[str, int]:
        """Code and id of the product of a license's item in its order: a member's is the bundle."""
        if product := self._products.get(entry.bundle_key):
            return product.short_code, product.id
        return entry.model.product_code, entry.model.product_id

    def drop(self, entry: LicenseEntry) -> None:
        """Take a row out: its license exists, or it is refused."""
        self._missing[entry.bundle_key].pop(entry.key, None)

    def is_whole(self, key: str) -> bool:
        return self._problem(key) is None

    def faults(self, entry: LicenseEntry) -> Faults:
        """The faults of a row without license whose bundle is not created."""
        key = entry.bundle_key
        message = self._told.get(key) or self._problem(key)
        if message is None:
            return []
        self._told[key] = message
        at = "license__bundle_key", "bundle_key"
        return [fault_of(*at, "bundle_members_missing", message, key)]

    def linked(self, licenses: Sequence[License]) -> list[License]:
        """The licenses of a unit, of which the members name the license of the bundle."""
        ids = [lic.id for lic in licenses if self.job.catalog[lic.product_code].is_bundle]
        return [
            lic if lic.id in ids else lic.model_copy(update={"bundle_license_id": ids[0]})
            for lic in licenses
        ]

    def units(
        self, rows: Iterable[tuple[LicenseEntry, int]]
    ) -> list[Sequence[tuple[LicenseEntry, int]]]:
        """The rows with their ids, of each bundle of which these are all that are missing."""
        found: dict[str, list[tuple[LicenseEntry, int]]] = {}
        for entry, id in rows:
            found.setdefault(entry.bundle_key, []).append((entry, id))
        return [
            unit
            for key, unit in found.items()
            if self.is_whole(key) and len(unit) == len(self._missing[key])
        ]

    def _problem(self, key: str) -> str | None:
        rows = self._missing.get(key, {}).values()
        codes = [entry.model.product_code for entry in rows]
        bundle = next((code for code in codes if self.job.catalog[code].is_bundle), None)
        if bundle is None:
            return (
                "no row with this key and a bundle as its product creates a license: enter one, or"
                " correct its error, and after it a row of each member"
            )
        wanted = (bundle, *self.job.catalog[bundle].bundle_products)
        if sorted(codes) != sorted(wanted):
            missing = [code for code in wanted if code not in codes]
            others = [code for code in codes if code not in wanted]
            return (
                f"{bundle} is a bundle: enter a row of each of {', '.join(wanted)}, one after"
                " another"
                + (f"; no row of {', '.join(missing)} creates a license" if missing else "")
                + (f"; {', '.join(others)} is not a member" if others else "")
            )
        if len({entry.order_id for entry in rows}) > 1:
            return "the rows of a bundle have one order: enter the same order__store_id in each row"
        if len({entry.customer_id for entry in rows}) > 1:
            return "the rows of a bundle have one customer: enter the same customer in each row"
        if sum(len(entry.model.model_dump_json()) for entry in rows) > BYTES:
            return "the licenses of this bundle are more than 3.5 MB: shorten their metadata"
        return None
