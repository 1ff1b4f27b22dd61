"""Files of companies without an API key, which wait in the bucket until the company has one.

Nobody could see the import of such a file: its company is misspelled, or is not set up yet.

| pk | sk | what |
|---|---|---|
| `unknown#` | `<company>#<digest of bucket, key, version>` | Version |
| `sweep#` | `unknown` | the company behind which the next run goes on |
"""

from collections.abc import Iterable, Iterator
from itertools import islice

from shared.store import dynamo
from shared.store.import_jobs import TABLE
from shared.store.object_claims import Version, company_of, digest_of

_WAITING = "unknown#"
_PLACE = ("sweep#", "unknown")


def keep(version: Version) -> None:
    """Record a file that is not imported yet; recording it again changes nothing."""
    pk, sk = _key(version)
    item = {"pk": pk, "sk": sk, **version._asdict()}
    dynamo.client().put_item(TableName=dynamo.table(TABLE), Item=dynamo.to_item(item))


def forget(version: Version) -> None:
    dynamo.write([dynamo.delete(TABLE, _key(version))])


def without_kept(versions: Iterable[Version]) -> list[Version]:
    """The versions that are not recorded."""
    keys = {version: _key(version) for version in versions}
    found = dynamo.get_many((TABLE, key) for key in keys.values())
    return [version for version, key in keys.items() if (TABLE, key) not in found]


def companies(most: int) -> list[str]:
    """At most so many companies with files, one read each; the next call continues."""
    place = dynamo.get(TABLE, _PLACE) or {}
    found: list[str] = []
    behind = f"{place['behind']}#~" if "behind" in place else ""
    while len(found) < most and (first := next(_query("sk > :sk", behind, limit=1), None)):
        found.append(first["sk"].partition("#")[0])
        behind = f"{found[-1]}#~"
    if place or len(found) == most:
        pk, sk = _PLACE
        item = {"pk": pk, "sk": sk, "behind": found[-1] if len(found) == most else None}
        dynamo.client().put_item(TableName=dynamo.table(TABLE), Item=dynamo.to_item(item))
    return found


def files_of(company: str, most: int) -> list[Version]:
    """At most so many recorded files of a company."""
    found = islice(_query("begins_with(sk, :sk)", f"{company}#", limit=most), most)
    return [
        Version(each["bucket"], each["key"], each["version_id"], int(each["size"]))
        for each in found
    ]


def _query(condition: str, sk: str, *, limit: int) -> Iterator[dict[str, str]]:
    values = {"pk": _WAITING, "sk": sk or " "}
    return dynamo.query(TABLE, f"pk = :pk AND {condition}", values, limit=limit, consistent=True)


def _key(version: Version) -> tuple[str, str]:
    return _WAITING, f"{company_of(version)}#{digest_of(version)}"
