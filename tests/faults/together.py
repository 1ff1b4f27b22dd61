"""Schedules of imports whose rows are written in transactions, and of their undos.

These are licenses with their users, and bundles with their members; next to them rows without a
key, which issue one license or several.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any

from shared.store.customers import license_of_name
from shared.store.dynamo import from_item
from tests.faults.changes import COMPANY, USERS
from tests.faults.dynamodb import Write
from tests.faults.history import CUSTOMERS, LICENSES, licenses_of, rows_of
from tests.faults.laboratory import Laboratory
from tests.faults.undo_rivals import Rivals, undo_beside
from tests.faults.undos import NEW_ORDERS, OLD_ORDER, PEOPLE, Sheet
from tests.faults.world import Actor, World

_HEADER = (
    "license__license_key,license__bundle_key,product__short_code,order__store_id,"
    "order__created_at,license__users,license__quantity,customer__email\n"
)
_SEATS = (*USERS, "new@x.test")
_MEMBERS = ("bnd", "p1", "p2")


@dataclass
class TogetherRivals(Rivals):
    """Clients that name, assign and delete users and bundles of the file meanwhile."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.world.watchers.append(self._hear_bundle)

    def _hear_bundle(self, _: Actor | None, writes: list[Write]) -> None:
        """J15: an import creates all licenses of a bundle at once."""
        created = [
            lic
            for write in writes
            if write.table == LICENSES and not write.before and write.after
            if (lic := from_item(write.after)).get("license_key", "").startswith("B-")
        ]
        if created and len(created) % len(_MEMBERS):
            codes = [lic["product_code"] for lic in created]
            self.seen.violations.append(f"J15 an import created only {codes} of a bundle")

    def _some_sheet(self) -> Sheet:
        return self._licenses()

    def _licenses(self) -> Sheet:
        rng = self.world.rng
        time = {order: rng.choice(("", "2024-03-01T08:00:00Z")) for order in NEW_ORDERS}
        groups, options, is_torn = [], {}, False
        for _ in range(rng.randint(1, 3)):
            seats = ";".join(f"{email}*" for email in rng.sample(_SEATS, rng.randint(1, 2)))
            order = rng.choice((OLD_ORDER, *NEW_ORDERS[:2]))
            groups.append([("", "", "up", order, time.get(order, ""), seats, "")])
        for key in rng.sample(("B-1", "B-2"), rng.randint(1, 2)):
            order, codes = rng.choice((*NEW_ORDERS[:2], *NEW_ORDERS)), [*_MEMBERS]
            if rng.random() < 0.2:
                codes.remove(rng.choice(codes))
            is_torn = is_torn or not order or len(codes) < len(_MEMBERS)
            groups.append([(key, key, code, order, time[order], "", "") for code in codes])
        if rng.random() < 0.5:
            order = rng.choice(NEW_ORDERS)
            groups.append([("IMP-1", "", "kp", order, time[order], "", "")])
        if rng.random() < 0.4:
            order, count = rng.choice(NEW_ORDERS), rng.choice(("", "2", "30"))
            groups.append([("", "", "kp", order, time[order], "", count)])
            options["keys"] = "generate"
        rng.shuffle(groups)
        emails = {order: rng.choice((*PEOPLE, "")) for order in (OLD_ORDER, *NEW_ORDERS)}
        rows = [",".join((*cells, emails[cells[3]])) for cells in chain.from_iterable(groups)]
        return Sheet("licenses", (_HEADER + "\n".join(rows) + "\n").encode(), options, is_torn)

    def interfere(self, what: str, number: int) -> None:
        """Start a client; some of the usual ones act on users instead."""
        rng = self.world.rng
        if what in ("append", "import") and rng.random() < 0.6:
            self.is_alone = False
            act = rng.choice((self._order_for_users, self._delete_seat, self._assign))
            delay = rng.choice((self._later, self._while_running))
            self.world.spawn("of users", partial(delay, rng.randrange(60), act))
            return
        super().interfere(what, number)

    def _some(self) -> list[dict[str, Any]]:
        return [
            lic
            for lic in self._ask("/licenses/?limit=100")
            if lic["license_users"] or str(lic["license_key"]).startswith(("IMP", "OLD", "B-"))
        ]

    def _order_for_users(self) -> None:
        email = self.world.rng.choice(_SEATS)
        items = [{"product_code": "up", "licenses": [{"users": [{"email": email}]}]}]
        order = partial(self.shop.order, id=f"u-{self.world.rng.random()}", items=items)
        self._insist("order", order)

    def _delete_seat(self) -> None:
        for user in self._ask(f"/license-users/?email={self.world.rng.choice(_SEATS)}"):
            self._drop(f"/license-users/{user['id']}/")

    def _assign(self) -> None:
        """Assign a user to a license of the file, or unassign one."""
        rng = self.world.rng
        for lic in [lic for lic in self._some() if lic["license_users"]][:2]:
            verb, body = rng.choice(("assign", "unassign")), {"email": rng.choice(_SEATS)}
            path = f"/licenses/{lic['id']}/{verb}_user/"
            self._insist(verb, partial(self.shop.post, path, body))


def together(lab: Laboratory, seed: int) -> tuple[World, list[str]]:
    """Run one schedule; returns its world and the violations."""
    world = lab.world(seed)
    run = TogetherRivals(lab, world)
    return world, [*undo_beside(run, seed), *_linked(world)]


def _linked(world: World) -> Iterator[str]:
    """J15: users name the licenses that name them, and the bundles of all members exist."""
    licenses = {lic["id"]: lic for lic in map(from_item, licenses_of(world, COMPANY))}
    users = {
        row["id"]: row
        for row in map(from_item, rows_of(world, CUSTOMERS, COMPANY))
        if row["sk"].startswith("user#") and "deleted_at" not in row
    }
    for id, lic in licenses.items():
        for seat in lic.get("license_users", ()):
            names = users.get(seat["user_id"], {}).get("licenses", ())
            if id not in map(license_of_name, names):
                yield f"J15 license {id} names {seat}, who does not name it"
        if lic.get("bundle_license_id", id) not in licenses:
            yield f"J15 license {id} is of a bundle that does not exist: {lic}"
