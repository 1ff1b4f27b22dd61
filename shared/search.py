"""Search: the words by which customers and orders are found, and the index of these words.

Licenses are in the index too, not for the search but for filters of their list: by the day of their
end, and the disabled ones.

A word of a query matches a record if a token of the record begins with it; a word of one character
must equal a token. All words must match. Case, accents and character width do not count.

The index has one entry per token of a record. A change of a record becomes new entries, and marks
the entries of tokens that it took away as removed. Each entry has the version of the change that
wrote it, and the highest version wins, so changes can arrive repeatedly and in any order.
"""

import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, Literal, NamedTuple

type Kind = Literal["customer", "license", "order"]
"""The kinds of records that have entries."""

MOST_TOKENS = 20
"""Tokens of a record; further words of long names are not found."""
TOKEN_LENGTH = 100
"""Characters of a token, and of a word of a query, that count."""
LETTERS = 2
"""Characters of a token in the key of its bucket."""
BUCKETS = 4
"""Buckets over which the tokens that begin with the same letters are spread, by the record's id."""

DISABLED = "disabled"
"""The token of a disabled license."""
_ENDS = "ends"
_NAMES = ("first_name", "last_name", "company_name")
_WITHOUT_DECOMPOSITION = str.maketrans(
    {
        "ø": "o",
        "ł": "l",
        "đ": "d",
        "ð": "d",
        "ħ": "h",
        "ı": "i",  # noqa: RUF001  # the dotless letter is what is replaced
        "æ": "ae",
        "œ": "oe",
        "þ": "th",
        "’": "'",  # noqa: RUF001  # the typographic apostrophe is what is replaced
        "‘": "'",  # noqa: RUF001
    }
)
"""Letters with strokes and ligatures, which Unicode does not decompose, and apostrophes."""


class Entry(NamedTuple):
    """An entry of the index; without `words`, its token was taken away from the record."""

    pk: str
    sk: str
    version: str
    words: tuple[str, ...]


def fold(text: str) -> str:
    """Text without case, accents and width: `Café` and `CAFE` are equal, and so are ß and ss."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    plain = "".join(char for char in decomposed if not unicodedata.combining(char))
    return plain.translate(_WITHOUT_DECOMPOSITION)


def words_of(text: str) -> list[str]:
    """The folded words of a text, without punctuation around them."""
    parts = (_trimmed(part)[:TOKEN_LENGTH] for part in fold(text).split())
    return [part for part in parts if part]


def query_words(text: str) -> list[str]:
    """The distinct words of a query, longest first, without those that a longer one implies."""
    words = sorted(dict.fromkeys(words_of(text)), key=len, reverse=True)
    return [
        word
        for at, word in enumerate(words)
        if len(word) == 1 or not any(longer.startswith(word) for longer in words[:at])
    ]


def tokens_of(kind: Kind, record: Mapping[str, Any]) -> tuple[str, ...]:
    """The tokens of a stored record; none of a deleted one, which has no natural key any more.

    The e-mail address and the order id are a token each. A name has its words, and the parts of
    those that are joined by punctuation: `Müller-Lang` is found by `lang`.
    """
    if kind == "license":
        return tuple(_license_tokens(record))
    if kind == "order":
        return _distinct(words_of(record.get("store_id") or ""))
    names = [record.get(name) or "" for name in _NAMES]
    return _distinct([*words_of(record.get("email") or ""), *_name_words(names)])


def end_token(day: str) -> str:
    """The token of a license that ends on a day, such as `ends2027-12-31`, which sorts by day."""
    return f"{_ENDS}{day}"


def _license_tokens(record: Mapping[str, Any]) -> Iterator[str]:
    if end := record.get("validity_period"):
        yield end_token(str(end)[:10])
    if record.get("enabled") is False:
        yield DISABLED


def matches(tokens: Sequence[str], words: Iterable[str]) -> bool:
    """Whether a record with these tokens matches all words of a query."""
    return all(
        word in tokens if len(word) == 1 else any(token.startswith(word) for token in tokens)
        for word in words
    )


def buckets(company: str, kind: Kind, word: str) -> list[str]:
    """The partition keys of the buckets that have the tokens beginning with a word."""
    return [f"{company}#{kind}#{word[:LETTERS]}#{n}" for n in range(BUCKETS)]


def entry_key(company: str, kind: Kind, token: str, id: int) -> tuple[str, str]:
    return f"{company}#{kind}#{token[:LETTERS]}#{id % BUCKETS}", f"{token}#{id}"


def entries_of(
    company: str, kind: Kind, id: int, tokens: Sequence[str], version: str
) -> list[Entry]:
    words = tuple(tokens)
    return [Entry(*entry_key(company, kind, token, id), version, words) for token in tokens]


def entry_changes(
    company: str,
    kind: Kind,
    id: int,
    images: tuple[Mapping[str, Any] | None, Mapping[str, Any] | None],
    version: str,
) -> list[Entry]:
    """The entries that a change writes; `images` are the record before and after it.

    A change writes all entries of the record if one of its tokens differs, since each has all
    words; else none.
    """
    before, after = (tokens_of(kind, image or {}) for image in images)
    if before == after:
        return []
    removed = [token for token in before if token not in after]
    return [
        *entries_of(company, kind, id, after, version),
        *(Entry(*entry_key(company, kind, token, id), version, ()) for token in removed),
    ]


def latest(entries: Iterable[Entry]) -> list[Entry]:
    """The entry with the highest version for each key."""
    found: dict[tuple[str, str], Entry] = {}
    for entry in entries:
        key = entry.pk, entry.sk
        if key not in found or found[key].version < entry.version:
            found[key] = entry
    return [*found.values()]


def _name_words(names: Iterable[str]) -> list[str]:
    words: list[str] = []
    for word in (word for name in names for word in words_of(name)):
        words += [word, *("".join(part) for inside, part in groupby(word, _is_inside) if inside)]
    return words


def _distinct(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(words))[:MOST_TOKENS]


def _trimmed(word: str) -> str:
    start, end = 0, len(word)
    while start < end and not _is_inside(word[start]):
        start += 1
    while end > start and not _is_inside(word[end - 1]):
        end -= 1
    return word[start:end]


def _is_inside(char: str) -> bool:
    """Whether a character is a letter, a digit, or a mark of a script that needs it."""
    return char.isalnum() or unicodedata.category(char).startswith("M")
