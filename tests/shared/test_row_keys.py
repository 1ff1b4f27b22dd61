"""Keys that an import generates: one for each license of a row."""

from shared.row_entries import Import, LicenseEntry
from shared.row_keys import with_copies
from tests.shared.value_import import NOW, read_rows
from tests.shared.value_shop import ValueShop

TEXT = "license__license_key,product__short_code,license__quantity\nK-1,kp,\n,kp,3\n,cp,2\n,kp,\n"


def copies(seed: bytes = b"s" * 32) -> list[LicenseEntry]:
    rows = [each for each in read_rows(TEXT, key_seed=seed) if isinstance(each, LicenseEntry)]
    job = Import("acme", 7, "licenses", NOW, ValueShop().products, key_seed=seed)
    found = with_copies(job, rows)
    assert [each for each in found if not each.copy] == rows
    return found


def test_each_license_of_a_row_has_its_own_key_which_is_the_same_again() -> None:
    first, other = copies(), copies(b"t" * 32)

    assert [(each.record.row, each.copy) for each in first] == [
        *((1, 0), (2, 0), (2, 1), (2, 2), (3, 0), (3, 1), (4, 0)),
    ]
    assert [each.key for each in first] == [each.key for each in copies()]
    assert len({each.key for each in (*first, *other)}) == 13


def test_rows_without_a_quantity_are_not_copied() -> None:
    text = "license__license_key,product__short_code\nK-1,kp\n"
    rows = [each for each in read_rows(text) if isinstance(each, LicenseEntry)]

    assert with_copies(Import("acme", 7, "licenses", NOW, {}), rows) is rows
