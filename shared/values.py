"""Value types that records are built from: codes, keys, durations, dates, ids.

Each type validates its own limits, so no record holds a value outside them.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, WithJsonSchema

from shared import strict_json
from shared.browser_rule import BrowserRule
from shared.stored_json import small_json, small_number

# The largest safe integer of JavaScript; ids in the LicenseSpring API have 16 digits.
_FIRST_ID, _LAST_ID = 10**15, 2**53 - 1
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
FORMAT = re.compile(
    "[\u00ad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5"
    "\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0"
    "\ufff0-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""Invisible characters, not valid in identifiers: format characters (category Cf), those with
the property Default_Ignorable_Code_Point, and the Braille blank."""
_WRAPPERS = (
    "\u00ab\u00bb\u2018-\u201f\u2039\u203a\u3001\uff02\uff07-\uff09\uff0c"
    "\uff1a-\uff1c\uff1e\uff3b\uff3d"
)
"""Quotes, brackets and commas beyond ASCII, as spreadsheets and keyboards put them in."""
_ATOM = rf"[^\s@<>()\[\]:;,\"\/\\.{_WRAPPERS}]+"
_LABEL = rf"(?!-)[^\s@<>()\[\]:;,\"'`!#$%&*+=?^{{|}}~\/\\.{_WRAPPERS}]+(?<!-)"
_QUOTED = r'"[^"\\\x00-\x1f]+"'
EMAIL = re.compile(rf"(?:(?!'){_ATOM}(?:\.{_ATOM})*|{_QUOTED})@{_LABEL}(?:\.{_LABEL})+")
"""One bare address, whose domain has a dot.

Wrappers such as `<a@b.co>` and `mailto:`, and dots at an end, are refused.
"""
DURATION = re.compile(r"^(?:[1-9][0-9]{0,4}(?:y|m|d|h|min)|[1-9][0-9]{0,3}w)$")
MAINTENANCE_DURATION = re.compile(r"^(?:[1-9][0-9]{0,4}(?:y|m|d)|[1-9][0-9]{0,3}w)$")
ZERO_TIME = re.compile(
    r"(?:0001-0?1-0?1|0000-0?0-0?0)(?:[T ][0-9:.]+(?: ?[Zz]| ?[+-][0-9:]+)?)?", re.ASCII
)
"""The zero times of Go, .NET and MySQL clients."""
LINE_BREAKS = re.compile(r"(?:[ \t]*[\n\r\x0b\x0c\x85\u2028\u2029])+[ \t]*")
_ENDS = re.compile(rf"^(?:{FORMAT.pattern}|\s)+|(?:{FORMAT.pattern}|\s)+$")
_UNSEEN = re.compile(rf"(?:{FORMAT.pattern}|\s)*")


def record_id(company: str, kind: str, *natural: str | int, attempt: int = 0) -> int:
    """The id of a record, derived from its natural key in its company.

    16 digits, below 2**53. A natural key always has the same id, so a lookup by key is the same
    single read as a lookup by id and needs no index. If two natural keys collide (about 1 in 10**16
    pairs), the store retries with the next `attempt`.
    """
    name = "\x1f".join((company, kind, *map(str, natural), str(attempt)))
    digest = int.from_bytes(hashlib.sha256(name.encode()).digest()[:16])
    return _FIRST_ID + digest % (_LAST_ID - _FIRST_ID)


def record_ids(company: str, kind: str, names: Iterable[tuple[str, int]]) -> list[int]:
    """What `record_id` makes of each of these names and attempts."""
    start, span = f"{company}\x1f{kind}\x1f", _LAST_ID - _FIRST_ID
    sha256, number = hashlib.sha256, int.from_bytes
    return [
        _FIRST_ID + number(sha256(f"{start}{name}\x1f{attempt}".encode()).digest()[:16]) % span
        for name, attempt in names
    ]


def drawn(seed: bytes, label: str, length: int, alphabet: str) -> str:
    """Derive `length` characters of `alphabet` from the secret `seed` and a label.

    A retried request gets the same keys, although they were not stored with the request.
    """
    number = int.from_bytes(hashlib.shake_256(seed + label.encode()).digest(length + 32))
    number %= len(alphabet) ** length  # the same result by smaller divisions
    pairs = _pairs(alphabet)
    letters = []
    for _ in range(0, length, 2):
        number, index = divmod(number, len(pairs))
        letters.append(pairs[index])
    return "".join(letters)[:length]


@lru_cache(maxsize=4)
def _pairs(alphabet: str) -> list[str]:
    """All pairs of letters, by the number that they have as digits, the smaller digit first."""
    return [first + second for second in alphabet for first in alphabet]


def is_unseen(text: str) -> bool:
    """Whether a text is empty, or of blanks and invisible characters alone."""
    if text.isascii():
        return not text or text.isspace()
    return _UNSEEN.fullmatch(text) is not None


def _unseen_as_empty(value: Any) -> Any:
    return "" if isinstance(value, str) and is_unseen(value) else value


def _one_line(value: Any) -> Any:
    """Fold each line break, and the spaces around it, to one space."""
    if not isinstance(value, str):
        return value
    if is_unseen(value):
        return ""
    return value if value.isprintable() else LINE_BREAKS.sub(" ", value)


def _printable(text: str) -> str:
    if CONTROL.search(text):
        raise ValueError("must not contain control characters")
    return text


def _no_surrogates(text: str) -> str:
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise ValueError("must be valid Unicode: it contains a lone surrogate") from None
    return text


def _key_bytes(text: str) -> str:
    if len(text.encode()) > 256:
        raise ValueError("must be at most 256 bytes long in UTF-8")
    return text


def _email(text: str) -> str:
    """The address with its domain in one form: see `_domain`."""
    local, at, domain = text.rpartition("@")
    address = f"{local}@{_domain(domain)}" if at else text
    if not EMAIL.fullmatch(address):
        raise ValueError("must be an e-mail address such as ana@acme.example")
    return address


def _domain(domain: str) -> str:
    """Normalize a domain by UTS #46 without its transitional mappings.

    `xn--` labels are decoded, and full-width letters and dots are replaced.
    """
    if not domain.isascii():
        domain = unicodedata.normalize("NFKC", domain).replace("\u3002", ".").lower()
    if "xn--" not in domain:
        return domain
    return ".".join(_in_letters(label) for label in domain.split("."))


def _in_letters(label: str) -> str:
    """Decode an `xn--` label; the label itself if the result is not a valid host name."""
    if not label.startswith("xn--"):
        return label
    try:
        letters = label[4:].encode().decode("punycode")
    except UnicodeError:
        return label
    if letters.isascii() or not letters.isprintable() or FORMAT.search(letters):
        return label
    return letters if unicodedata.normalize("NFKC", letters).lower() == letters else label


def _identifier(value: Any) -> Any:
    """Normalize an identifier: NFC, without leading and trailing spaces or format characters."""
    if not isinstance(value, str) or value.isascii():
        return value
    return _ENDS.sub("", unicodedata.normalize("NFC", value))


def _visible(text: str) -> str:
    if not text.isascii() and FORMAT.search(text):
        raise ValueError("must not contain invisible characters such as a zero-width space")
    return text


def _duration(text: str) -> str:
    if not DURATION.fullmatch(text):
        raise ValueError(
            "must be a number from 1 to 99999 and one of y, m (months), d, h, min, such as 1y, "
            "or up to 9999 weeks (w)"
        )
    return _in_days(text)


def _maintenance_duration(text: str) -> str:
    if not MAINTENANCE_DURATION.fullmatch(text):
        raise ValueError(
            "must be a number from 1 to 99999 and one of y, m, d, such as 1y, "
            "or up to 9999 weeks (w)"
        )
    return _in_days(text)


def _in_days(text: str) -> str:
    """Replace weeks by days, so that one duration has one spelling."""
    return f"{7 * int(text[:-1])}d" if text.endswith("w") else text


def _flag(value: Any) -> Any:
    """Read the spellings of a flag that published clients send: "true", "false", 0 and 1."""
    if isinstance(value, str):
        return _FLAGS.get(value, value)
    return bool(value) if isinstance(value, int | float) and value in (0, 1) else value


def _told_blank(schema: dict[str, Any]) -> None:
    schema["anyOf"].append({"const": ""})


def _told_empty(schema: dict[str, Any]) -> None:
    schema["anyOf"] += [{"const": ""}, {"const": {}}]


_FLAGS = {"true": True, "false": False}
_FLAG_SCHEMA: dict[str, Any] = {"anyOf": [{"type": "boolean"}, {"enum": [0, 1, "true", "false"]}]}
_SWITCH_SCHEMA: dict[str, Any] = {"anyOf": [*_FLAG_SCHEMA["anyOf"], {"type": "null"}]}
BLANK = (
    BeforeValidator(lambda value: None if value == "" else value),
    Field(json_schema_extra=_told_blank),
)
"""For an optional text: Go clients send "" for unset fields, which the JSON schema documents."""
EMPTY = (
    BeforeValidator(lambda value: None if value in ("", {}) else value),
    Field(json_schema_extra=_told_empty),
)
"""For an optional object: Go clients send {} for unset fields."""


def _none_if_empty(text: str | None) -> str | None:
    """Replace an empty text by null, as in every later read of the record."""
    return text or None


def is_unset_time(value: Any) -> bool:
    """Whether a value is an empty text or a zero time, as Go and PHP clients send it."""
    return isinstance(value, str) and (not value or bool(ZERO_TIME.fullmatch(value.strip())))


def _unset_zero_time(value: Any) -> Any:
    """Read zero times and empty texts as an unset date."""
    return None if is_unset_time(value) else value


MOMENT = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ](.+))?")


_DECODED_PLUS = re.compile(r"\d \d\d:?\d\d\Z")
"""The end of a time whose `+` was not encoded in a query string."""


def _padded_moment(value: Any) -> Any:
    """Read ISO 8601, and what clients and files write: unpadded days, a blank, UTC at the end."""
    if not isinstance(value, str):
        if isinstance(value, date):
            return value
        raise ValueError("must be a string such as 2026-03-12 or 2026-03-12T08:00:00Z")
    if not (found := MOMENT.fullmatch(value.strip())):
        raise ValueError("must be a date such as 2026-03-12 or 2026-03-12T08:00:00Z")
    year, month, day, time = found.groups()
    padded = f"{year}-{int(month):02}-{int(day):02}"
    try:
        at = f"{padded}T{time.removesuffix(' UTC')}" if time else padded
        moment = datetime.fromisoformat(at)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        if time and _DECODED_PLUS.search(time):
            raise ValueError(
                "has a blank before its offset: in a URL, write + as %2B, such as"
                " 2026-03-12T08:00:00%2B01:00"
            ) from None
        raise ValueError("is not a date in the calendar, such as 2026-03-12") from None


def _day(value: Any) -> Any:
    moment = _padded_moment(value)
    return moment.date() if isinstance(moment, datetime) else moment


def _period(value: Any) -> Any:
    return PERIODS.get(value.strip().lower(), value) if isinstance(value, str) else value


def _json_object(value: Any) -> Any:
    """Read metadata from a JSON string, as in the LicenseSpring API, or from an object."""
    if not isinstance(value, str):
        return value
    if not value.strip():
        return {}
    try:
        parsed = strict_json.loads(value)
    except strict_json.JsonError as error:
        raise ValueError(f"must be a JSON object, as a string or as it is: {error}") from None
    if not isinstance(parsed, dict):
        raise ValueError('must be a JSON object such as {"po": "4711"}')
    return parsed


def some[T](entries: tuple[T, ...]) -> tuple[T, ...]:
    """Refuse an empty list. Pydantic's `min_length` would also fail if an entry is invalid."""
    if not entries:
        raise ValueError("must have at least one entry")
    return entries


PERIODS = {
    "daily": "daily",
    "weekly": "weekly",
    "monthly": "monthly",
    "annually": "annually",
    "day": "daily",
    "week": "weekly",
    "month": "monthly",
    "year": "annually",
    "yearly": "annually",
    "annual": "annually",
    "annualy": "annually",
}

_PRINTABLE = (
    AfterValidator(_printable),
    BrowserRule({"without": CONTROL.pattern}, "a@b\x01"),
)
_VISIBLE = (AfterValidator(_visible), BrowserRule({"visible": True}, "a@b\u200bc"))
_IDENTIFIER = (BeforeValidator(_identifier), BrowserRule({"ends": True}))
_UNSEEN_AS_EMPTY = (BeforeValidator(_unseen_as_empty), BrowserRule())
_IN_CALENDAR = (
    BrowserRule({"match": f"^{MOMENT.pattern}$", "trim": True}, "?"),
    BrowserRule({"calendar": True}, "2026-02-31"),
)

type Text = Annotated[
    str,
    StringConstraints(max_length=1000),
    AfterValidator(_no_surrogates),
    BrowserRule(),
    *_UNSEEN_AS_EMPTY,
]
type Line = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=255),
    *_PRINTABLE,
    BeforeValidator(_one_line),
    BrowserRule({"fold": LINE_BREAKS.pattern}),
]
type Reference = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=255),
    *_PRINTABLE,
    *_VISIBLE,
    *_IDENTIFIER,
]
type Title = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=255),
    *_PRINTABLE,
    *_UNSEEN_AS_EMPTY,
]
type StoreId = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200),
    *_PRINTABLE,
    *_VISIBLE,
    *_IDENTIFIER,
]
type Code = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=100),
    *_PRINTABLE,
    *_VISIBLE,
    *_IDENTIFIER,
]
type LicenseKey = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=256),
    *_PRINTABLE,
    *_VISIBLE,
    AfterValidator(_key_bytes),
    BrowserRule({"bytes": 256}, "é" * 200),
    *_IDENTIFIER,
]
type Email = Annotated[
    str,
    StringConstraints(strip_whitespace=True, to_lower=True, max_length=254),
    AfterValidator(_email),
    BrowserRule({"match": f"^{EMAIL.pattern}$", "domain": True}, "?"),
    *_PRINTABLE,
    *_VISIBLE,
    Field(json_schema_extra={"format": "email"}),
    *_IDENTIFIER,
]
type OptionalText = Annotated[Text | None, AfterValidator(_none_if_empty)]
type OptionalLine = Annotated[Line | None, AfterValidator(_none_if_empty)]
type OptionalReference = Annotated[Reference | None, AfterValidator(_none_if_empty)]
type StrictFlag = Annotated[bool, Field(strict=True)]
type Flag = Annotated[
    bool,
    Field(strict=True),
    BeforeValidator(_flag),
    WithJsonSchema(_FLAG_SCHEMA, mode="validation"),
]
type Switch = Annotated[
    bool,
    Field(strict=True),
    BeforeValidator(lambda value: False if value is None else _flag(value)),
    WithJsonSchema(_SWITCH_SCHEMA, mode="validation"),
]
type Count = Annotated[int, Field(strict=True, ge=0, le=2_147_483_647)]
type Integer = Annotated[int, Field(strict=True, ge=-(2**63), le=2**63 - 1)]
type RecordId = Annotated[int, Field(strict=True, ge=1, le=_LAST_ID)]
type Transfers = Annotated[int, Field(strict=True, ge=-1, le=2_147_483_647)]
type Duration = Annotated[
    str,
    AfterValidator(_duration),
    BrowserRule({"match": DURATION.pattern}, "?"),
    Field(json_schema_extra={"pattern": DURATION.pattern}, examples=["1y"]),
]
type MaintenanceDuration = Annotated[
    str,
    AfterValidator(_maintenance_duration),
    BrowserRule({"match": MAINTENANCE_DURATION.pattern}, "?"),
    Field(json_schema_extra={"pattern": MAINTENANCE_DURATION.pattern}, examples=["1y"]),
]
type Period = Annotated[
    Literal["daily", "weekly", "monthly", "annually"],
    BeforeValidator(_period),
    BrowserRule({"instead": PERIODS}),
]
type Day = Annotated[date, BeforeValidator(_day), *_IN_CALENDAR]
type Moment = Annotated[datetime, BeforeValidator(_padded_moment), *_IN_CALENDAR]
type OptionalDay = Annotated[
    Day | None,
    BeforeValidator(_unset_zero_time),
    BrowserRule({"unset": ZERO_TIME.pattern}),
    Field(json_schema_extra=_told_blank),
]
type OptionalMoment = Annotated[
    Moment | None,
    BeforeValidator(_unset_zero_time),
    BrowserRule({"unset": ZERO_TIME.pattern}),
    Field(json_schema_extra=_told_blank),
]
type Metadata = Annotated[dict[str, Any], BeforeValidator(_json_object), AfterValidator(small_json)]
type JsonObject = Annotated[dict[str, Any], AfterValidator(small_json)]
type Number = Annotated[float, AfterValidator(small_number)]
type Company = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
