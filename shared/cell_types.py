"""The types of cells in import files: how a text is read, and how the browser checks the same.

A cell is a text as people and spreadsheets write it; the types read flags, numbers and lists.
"""

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator
from pydantic_core import PydanticCustomError

from shared import strict_json
from shared.browser_rule import BrowserRule
from shared.csv_format.reader import spreadsheet_damage
from shared.customers import UserRequest
from shared.license_users import MOST_ASSIGNED
from shared.licenses import CustomField, Feature
from shared.stored_json import small_json
from shared.values import LicenseKey, Line, Reference, Text

_TRUE = ("1", "true", "yes", "ja", "wahr", "oui", "vrai", "si", "sí", "si\u0301", "verdadero")
_FALSE = ("0", "false", "no", "nein", "falsch", "non", "faux", "falso")
_TRUTHS = dict.fromkeys(_TRUE, True) | dict.fromkeys(_FALSE, False)
_MOST = 2_147_483_647
MOST_COPIES = 1_000
"""Licenses that one row can issue."""
_MANAGER = "*"
"""Ends the e-mail address of a manager."""
_PLAIN_CODES = r"^\s*(\[.*|[^\x00-\x1f\x7f-\x9f]*)\s*$"
"""Codes without control characters, or a JSON list, which only the server reads."""
_NO_DECIMALS = r"(?<=[0-9])[.,]0{1,2}$"
"""The end of a whole number such as 5,0; three zeros could be thousands: 5.000 in German."""


def _truth(cell: Any) -> Any:
    truth = _TRUTHS.get(str(cell).strip().lower())
    if truth is None:
        raise ValueError(
            "must be one of 1, 0, true, false, yes, no, or such a word in German, French or"
            " Spanish, such as ja, oui, sí"
        )
    return truth


def _whole(cell: Any) -> Any:
    digits = str(cell).strip()
    if not digits.isdigit():
        digits = re.sub(_NO_DECIMALS, "", digits)
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 10 and int(digits) <= _MOST):
        raise ValueError(f"must be a whole number from 0 to {_MOST}")
    return int(digits)


def _undamaged(cell: Any) -> Any:
    damage = spreadsheet_damage(str(cell))
    if damage:
        raise ValueError(
            f"looks damaged by a spreadsheet ({damage.replace('_', ' ')}): format the column as "
            "text and enter the value again"
        )
    return cell


def _trimmed(cell: Any) -> Any:
    return cell.strip() if isinstance(cell, str) else cell


def _transfers(cell: Any) -> Any:
    try:
        return -1 if re.sub(_NO_DECIMALS, "", str(cell).strip()) == "-1" else _whole(cell)
    except ValueError:
        raise ValueError(f"must be a whole number from -1 to {_MOST}; -1 allows any") from None


def _quantity(cell: Any) -> Any:
    try:
        if 1 <= (quantity := _whole(cell)) <= MOST_COPIES:
            return quantity
    except ValueError:
        pass
    raise ValueError(f"must be a whole number from 1 to {MOST_COPIES}")


def _no_value(cell: Any) -> Any:
    return None if str(cell).strip() == NO_VALUE else cell


def _object(cell: Any) -> Any:
    try:
        value = strict_json.loads(str(cell))
    except strict_json.JsonError:
        value = None
    if not isinstance(value, dict):
        raise ValueError('must be a JSON object such as {"po": "4711"}')
    return value


def _features(cell: Any) -> Any:
    """Read codes that are separated by `;`, or a JSON list as in an order."""
    text = str(cell).strip()
    entries = _list_of(text) if text.startswith("[") else text.split(";")
    if entries is None:
        raise ValueError('must be codes such as export;credits, or a JSON list such as ["export"]')
    codes = [each.strip() if isinstance(each, str) else each for each in entries]
    return [each for each in codes if each != ""]


def _users(cell: Any) -> Any:
    """Read e-mail addresses that are separated by `;`; a `*` ends that of a manager."""
    entries = [entry for each in str(cell).split(";") if (entry := each.strip())]
    if not all("@" in entry for entry in entries or ("",)):
        raise ValueError("must be e-mail addresses such as ana@acme.example*;ben@acme.example")
    return [
        {"email": entry.removesuffix(_MANAGER).rstrip(), "is_manager": entry.endswith(_MANAGER)}
        for entry in entries
    ]


def _each_once(users: tuple[UserRequest, ...]) -> tuple[UserRequest, ...]:
    emails = [user.email for user in users]
    if twice := next((email for email in emails if emails.count(email) > 1), None):
        raise PydanticCustomError(
            "user_repeated", "{email} appears twice: name each user once", {"email": twice}
        )
    return users


def _custom_fields(cell: Any) -> Any:
    fields = _list_of(str(cell))
    if fields is None:
        raise ValueError('must be a JSON list such as [{"name": "seat", "value": "A7"}]')
    return fields


def _list_of(text: str) -> list[Any] | None:
    try:
        value = strict_json.loads(text)
    except strict_json.JsonError:
        return None
    return value if isinstance(value, list) else None


def _at_most(most: int) -> AfterValidator:
    def check[T](entries: tuple[T, ...]) -> tuple[T, ...]:
        if len(entries) > most:
            raise ValueError(f"must have at most {most} entries, not {len(entries)}")
        return entries

    return AfterValidator(check)


def _none_if_empty(value: dict[str, Any]) -> dict[str, Any] | None:
    return value or None


_WORDS = {word: "true" if truth else "false" for word, truth in _TRUTHS.items()}
"""What the browser compares instead of the spellings of a flag."""
NO_VALUE = "\\N"
"""The cell for a term without a value, although the policy or the product has one.

In an import that updates records, the cell in any column that clears the field of the record.
"""
_TEXT_LIKE_NO_VALUE = re.compile(rf"'*{re.escape(NO_VALUE)}")


def escape_no_value(text: str) -> str:
    """The cell of a text, with an apostrophe before a text that would be read as `NO_VALUE`."""
    return f"'{text}" if _TEXT_LIKE_NO_VALUE.fullmatch(text) else text


def unescape_no_value(cell: str) -> str:
    """Undo `escape_no_value`; `NO_VALUE` itself is no text."""
    is_escaped = cell.startswith("'") and _TEXT_LIKE_NO_VALUE.fullmatch(cell)
    return cell[1:] if is_escaped else cell


UNDAMAGED = (BeforeValidator(_undamaged), BrowserRule({"sound": True}, "#REF!"))
"""For a text that a spreadsheet may have damaged."""
OR_NO_VALUE = (BeforeValidator(_no_value), BrowserRule({"unset": re.escape(NO_VALUE)}))

type Flag = Annotated[
    bool,
    BeforeValidator(_truth),
    BrowserRule(
        {"match": f"^({'|'.join(_WORDS)})$", "words": _WORDS, "trim": True, "lower": True}, "?"
    ),
]
type Count = Annotated[
    int,
    BeforeValidator(_whole),
    BrowserRule({"cut": _NO_DECIMALS}),
    BrowserRule({"match": "^[0-9]{1,10}$", "trim": True, "most": _MOST}, "?"),
]
type Transfers = Annotated[
    int,
    BeforeValidator(_transfers),
    BrowserRule({"cut": _NO_DECIMALS}),
    BrowserRule({"match": "^(-1|[0-9]{1,10})$", "trim": True, "most": _MOST}, "?"),
]
type Quantity = Annotated[
    int,
    BeforeValidator(_quantity),
    BrowserRule({"cut": _NO_DECIMALS}),
    BrowserRule(
        {"match": "^(?=[0-9]{1,10}$)0*[1-9][0-9]*$", "trim": True, "most": MOST_COPIES}, "?"
    ),
]
type Object = Annotated[
    dict[str, Any],
    BeforeValidator(_object),
    BrowserRule({"json": "object"}, "?"),
    AfterValidator(small_json),
    BrowserRule(),
]
type Details = Annotated[Object | None, AfterValidator(_none_if_empty), BrowserRule()]
"""Metadata of a customer or an order, for whom an empty object is no metadata."""
type Features = Annotated[
    tuple[Feature, ...],
    BeforeValidator(_features),
    BrowserRule({"match": _PLAIN_CODES}, "a\nb"),
    BrowserRule({"entry": 100}, "x" * 101),
    _at_most(200),
    BrowserRule(),
]
type CustomFields = Annotated[
    tuple[CustomField, ...],
    BeforeValidator(_custom_fields),
    BrowserRule({"json": "list"}, "?"),
    _at_most(50),
    BrowserRule(),
]
type Users = Annotated[
    tuple[UserRequest, ...],
    BeforeValidator(_users),
    BrowserRule({"match": r"^[\s;]*[^;@]*@[^;]*(;\s*|;[^;@]*@[^;]*)*$"}, "?"),
    _at_most(MOST_ASSIGNED),
    BrowserRule(),
    AfterValidator(_each_once),
    BrowserRule(),
]
"""The users of a license, as `ana@acme.example*;ben@acme.example`."""
type Word[T] = Annotated[T, BeforeValidator(_trimmed), BrowserRule({"trim": True})]
type Key = Annotated[LicenseKey, *UNDAMAGED]
type Name = Annotated[Line, *UNDAMAGED]
type Identifier = Annotated[Reference, *UNDAMAGED]
type Free = Annotated[Text, *UNDAMAGED]
