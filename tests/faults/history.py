"""The requests and responses of a schedule, and every write of it."""

from dataclasses import dataclass, field
from typing import Any

from shared.orders import OrderRequest
from tests.faults.dynamodb import Item, Key, Write
from tests.faults.world import Actor, World
from tests.http_event import Reply
from tests.moto_tables import table_names

TABLES = table_names()
LICENSES, ORDERS = TABLES["LICENSES_TABLE"], TABLES["ORDERS_TABLE"]
CUSTOMERS, CATALOG = TABLES["CUSTOMERS_TABLE"], TABLES["CATALOG_TABLE"]
IMPORTS, ACCESS = TABLES["IMPORTS_TABLE"], TABLES["ACCESS_TABLE"]


@dataclass(frozen=True, eq=False)
class Sent:
    """A request, and its response as the client saw it."""

    company: str
    body: dict[str, Any]
    key: str | None
    actor: Actor

    @property
    def reply(self) -> Reply | None:
        """None if there was no response."""
        return self.actor.result if self.actor.error is None else None

    @property
    def status(self) -> int:
        """0 if there was no response. With 0 and 5xx the result is unknown to the client."""
        return self.reply.status if self.reply else 0

    @property
    def is_known(self) -> bool:
        return 0 < self.status < 500

    @property
    def is_placed(self) -> bool:
        return self.status == 200

    @property
    def appends(self) -> bool:
        return bool(self.body.get("append"))

    @property
    def is_repeatable(self) -> bool:
        """Whether it may be retried: an order with an id, or a request with an idempotency key."""
        return self.key is not None or ("id" in self.body and not self.appends)

    @property
    def fingerprint(self) -> str:
        return OrderRequest.model_validate(self.body).fingerprint

    @property
    def code(self) -> str:
        return str(self.json.get("code", "")) if self.reply else ""

    @property
    def json(self) -> Any:
        return self.reply.json() if self.reply else {}

    @property
    def identity(self) -> tuple[str, str | None, str | None]:
        """Requests with the same identity are one order, or one addition to it."""
        return self.company, self.body.get("id"), self.key


@dataclass(frozen=True)
class Commit:
    """The write that created an order's row: its call number and its actor."""

    at: int
    actor: Actor | None
    item: Item


@dataclass
class Watch:
    """Checks every write for violations that no later write can repair."""

    world: World
    commits: dict[tuple[str, str], Commit] = field(default_factory=dict)
    """By the keys of the order's row."""
    violations: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.world.watchers.append(self.hear)

    def hear(self, actor: Actor | None, writes: list[Write]) -> None:
        for write in writes:
            self._owner(actor, write.table, write.key)
            if write.table == LICENSES:
                self._license(write)
            if write.table in (CUSTOMERS, ORDERS) and write.before:
                self._not_taken(write)
            if write.table == ORDERS and write.before is None and write.after:
                pk, sk = write.key
                if sk == "order" or sk.startswith("append#"):
                    self.commits[pk, sk] = Commit(self.world.calls, actor, write.after)

    def check_reads(self, actor: Actor) -> None:
        """Check that an actor read no other company's records."""
        for table, key in actor.reads:
            self._owner(actor, table, key)

    def _owner(self, actor: Actor | None, table: str, key: Key) -> None:
        owner = owner_of(table, key)
        if actor and actor.company and owner not in (None, actor.company):
            self.violations.append(f"O10 {actor.name} of {actor.company} accesses {table} {key}")

    def _license(self, write: Write) -> None:
        before, after = write.before, write.after
        if before is not None and "deleted_at" in before:
            if after != before:
                self.violations.append(f"O14 the tombstone {write.key} became {after}")
            return
        if after is not None and "deleted_at" in after:
            return
        if before is not None and not self._is_unsettled(before):
            for name in ("order_id", "order_item_id", "license_key", "made_by"):
                if after is None or after.get(name) != before.get(name):
                    change = f"{name} of license {write.key} was {before.get(name)}"
                    self.violations.append(f"O3 J6 {change}, and is {after and after.get(name)}")
            if after != before and after and after["updated_at"]["S"] <= before["updated_at"]["S"]:
                was, now = (each["updated_at"]["S"] for each in (before, after))
                self.violations.append(f"O13 license {write.key} was changed at {was}, then {now}")
        if before is None and after is not None and "made_by" not in after:
            self._sold(after)

    def _not_taken(self, write: Write) -> None:
        """A customer, user or order stays with its creator, except for rows of one import."""
        before, after = write.before or {}, write.after or {}
        if "deleted_at" in before and after != before:
            self.violations.append(f"O14 the tombstone {write.key} became {after}")
        if "deleted_at" in after:
            return
        if write.key[-1].startswith(("pending#", "plan#")) or self._is_unsettled(before):
            return
        for name in ("made_by", "token"):
            was, now = (each.get(name, {"S": ""})["S"] for each in (before, after))
            if was != now and (was.partition("#")[0] != now.partition("#")[0] or name == "token"):
                self.violations.append(f"J6 {write.key} was made by {was!r}, then {now!r}")

    def _is_unsettled(self, item: Item) -> bool:
        if "unsettled" not in item:
            return False
        company = item["pk"]["S"].partition("#")[0]
        order_id, part, fingerprint = item["unsettled"]["S"].split("/")
        commit = self.commits.get((f"{company}#{order_id}", part))
        return commit is None or commit.item.get("fingerprint", {}).get("S") != fingerprint

    def _sold(self, item: Item) -> None:
        """O8: the product and the policy of a new license are for sale when it is written."""
        company = item["pk"]["S"].partition("#")[0]
        key = (company, f"product#{item['product_id']['N']}")
        product = self.world.dynamodb.tables[CATALOG].items.get(key)
        where = f"O8 license {item['id']['N']} of {item['product_code']['S']}"
        if product is None:
            self.violations.append(f"{where}: no such product")
            return
        if product.get("is_archived") == {"BOOL": True} or product.get("active") == {"BOOL": False}:
            self.violations.append(f"{where}: it is not for sale")
        policies = [each["M"] for each in product["policies"]["L"]]
        if not any(
            policy["id"] == item["policy_id"] and policy.get("is_archived") != {"BOOL": True}
            for policy in policies
        ):
            self.violations.append(f"{where}: its policy is not for sale")


def owner_of(table: str, key: Key) -> str | None:
    """Return the company that a record belongs to; None for the product's own records."""
    if table == ACCESS:
        return None
    if table == IMPORTS and key[0].startswith("external#"):
        return key[0].split("#")[1]
    if table == IMPORTS and key[0] == "unknown#":
        return key[1].partition("#")[0]
    if table == IMPORTS and key[0] == "open#":
        return key[1].partition("#")[0]
    if table == IMPORTS and key[0].startswith(("object#", "unfinished#", "sweep#")):
        return None
    return key[0].partition("#")[0]


def rows_of(world: World, table: str, company: str) -> list[Item]:
    """Return the stored records of a company."""
    items = world.dynamodb.tables[table].items
    return [item for key, item in items.items() if owner_of(table, key) == company]


def licenses_of(world: World, company: str) -> list[Item]:
    """Return the licenses of a company that were not deleted."""
    return [item for item in rows_of(world, LICENSES, company) if "deleted_at" not in item]
