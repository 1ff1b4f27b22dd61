"""Orders of bundles: the two forms of LicenseSpring's requests, read as one.

Either an item has a license per member, or each license lists its members in `products`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from shared.customers import UserRequest
from shared.errors import Fault, Path
from shared.licenses import MemberRequest
from shared.orders import OrderItemRequest

MEMBERS = ("products", "bundle_products")
_OF_BUNDLE = ("key", "users", "user")


@dataclass(frozen=True, slots=True)
class BundleRequest:
    """A bundle license, requested in either of LicenseSpring's two forms."""

    path: Path
    key: str | None
    key_path: Path
    users: tuple[UserRequest, ...]
    users_path: Path
    members: tuple[tuple[Path, MemberRequest], ...]


def bundle_requests(item: OrderItemRequest, path: Path) -> Iterator[BundleRequest]:
    """The bundle licenses of an item: one with a member per license, or one per license.

    A license with `products` is a bundle license itself.
    """
    if not any(lic.products or lic.bundle_products for lic in item.licenses):
        named = tuple(((*path, "licenses", i), lic) for i, lic in enumerate(item.licenses))
        yield BundleRequest(path, item.key, (*path, "key"), item.users, (*path, "users"), named)
        return
    for index, lic in enumerate(item.licenses):
        at: Path = (*path, "licenses", index)
        name = "products" if lic.products else "bundle_products"
        members = getattr(lic, name) or ()
        yield BundleRequest(
            path=at,
            key=lic.key or item.key,
            key_path=(*at, "key") if lic.key else (*path, "key"),
            users=lic.all_users or item.users,
            users_path=(*at, "users"),
            members=tuple(((*at, name, i), member) for i, member in enumerate(members)),
        )


def misplaced_fields(item: OrderItemRequest, path: Path) -> Iterator[Fault]:
    """Faults for fields of a bundle order that would be ignored, or shared unintentionally."""
    nested = any(lic.products or lic.bundle_products for lic in item.licenses)
    for index, lic in enumerate(item.licenses):
        at: Path = (*path, "licenses", index)
        given = [name for name in type(lic).model_fields if getattr(lic, name) not in (None, ())]
        for name in given:
            if not nested and name in _OF_BUNDLE:
                message = f"put {name} of a bundle on its item"
                yield Fault.at((*at, name), "bundle_only", message)
            if nested and name not in (*_OF_BUNDLE, *MEMBERS):
                message = f"{name} has no effect next to members: move it to the members"
                yield Fault.at((*at, name), "bundle_members_only", message)
        if lic.products and lic.bundle_products:
            message = "name members in products or in bundle_products, not in both"
            yield Fault.at((*at, "bundle_products"), "alias_conflict", message)
