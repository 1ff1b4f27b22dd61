"""The keys that an import generates for license rows without one.

A row with a quantity issues several licenses, its copies. Each has a key of its own.
"""

import hashlib
from collections.abc import Iterable

from shared.licenses import new_key
from shared.row_entries import Import, LicenseEntry


def generated_key(job: Import, row: int, product_code: str, copy: int = 0) -> str:
    """The key of a license of a row without one, which is the same whenever the row is read."""
    if job.key_seed is None:
        raise AssertionError("only an import with a seed has rows without a key")
    label = f"row {row} copy {copy}" if copy else f"row {row}"
    return new_key(job.key_seed, label, job.catalog[product_code].key_length)


def name_without_key(store_id: str, product_code: str, emails: Iterable[str]) -> str:
    """The name of a license without key: that of its order, its product and its users.

    Rows with equal names, in the same file or in a later one, are the same license.
    """
    text = "\x1f".join((store_id, product_code, *sorted(emails)))
    return f"users {hashlib.sha256(text.encode()).hexdigest()}"


def name_of_member(key: str, product_code: str) -> str:
    """The name of the license of a bundle's member, which has the key of the bundle.

    `record_id` makes the same id of it as of both parts, so the member is that of an order.
    """
    return f"{key}\x1f{product_code}"


def with_copies(job: Import, entries: list[LicenseEntry]) -> list[LicenseEntry]:
    """The entries with one for each license that a row with a quantity issues."""
    if all(entry.copies == 1 for entry in entries):
        return entries
    return [
        entry._replace(
            key=generated_key(job, entry.record.row, entry.model.product_code, copy), copy=copy
        )
        if copy
        else entry
        for entry in entries
        for copy in range(entry.copies)
    ]
