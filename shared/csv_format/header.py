"""The headers of a CSV file: the column of each header, and columns that unknown headers may mean.

A header matches a known column if both are equal ignoring case, spaces, `-`, `_` and invisible
characters; a mapping comes first. An unknown header that is similar to a missing known column
probably means it: importing the file would lose that column silently.
"""

import csv
import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from typing import NamedTuple

from shared.csv_format.cells import is_blank, unescape_formula
from shared.csv_format.encoding import BadFile
from shared.header_synonyms import ALIASES, CUSTOM_FIELDS, CUSTOM_PREFIX, SYNONYMS
from shared.values import FORMAT

MAX_COLUMNS = 200
MAX_HEADER = 64 * 1024
"""Bytes of the header in UTF-8; `detect` reads four times as many."""
REPORT_COLUMNS = ("_row", "_codes", "_messages")
"""Columns that `failed.csv` adds."""
RESULT_COLUMNS = ("_row", "_outcome", "_license_id", "_order_id", "_customer_id")
"""Columns that `results.csv` adds."""
OWN_COLUMNS = tuple(dict.fromkeys((*REPORT_COLUMNS, *RESULT_COLUMNS)))
"""Columns that an import ignores, because Keywright has added them."""

_AROUND = re.compile(rf"^(?:{FORMAT.pattern}|\s)+|(?:{FORMAT.pattern}|\s)+$")
_SEPARATORS = re.compile(rf"(?:{FORMAT.pattern}|[\s_-])+")
_WORD = re.compile(r"[^\W_]+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SHORTEST = 5
"""The shortest name for which one different letter or word is considered a misspelling."""
_LONGEST = 200
IGNORED = ""
"""The name of a header that a mapping leaves out on purpose."""
NOT_MAPPED: Mapping[str, str] = {}
"""The headers of a file without a mapping."""


class Header(NamedTuple):
    """The first record of a file, as read with one of the delimiters."""

    delimiter: str
    columns: list[str]
    """A guess from the first line if the header is `broken`, for the message."""
    names: tuple[str, ...]
    broken: bool
    """Whether the header has an unbalanced quote."""
    score: tuple[int, int, int]
    text: str
    """The text of the file up to the end of the header."""
    line: int
    next_line: int
    line_end: str


class SimilarColumn(NamedTuple):
    """An unknown header, and the missing columns that it is similar to."""

    column: str
    similar: tuple[str, ...]


def read_header(
    lines: list[str],
    delimiter: str,
    required: Collection[str],
    known: Collection[str],
    mapped: Mapping[str, str] = NOT_MAPPED,
) -> Header:
    """Read the first record that is not blank with this delimiter. Raises BadFile."""
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    fields: list[str] = []
    line, broken = 1, False
    try:
        while is_blank(fields):
            line = reader.line_num + 1
            fields = next(reader)
    except StopIteration:
        raise BadFile("empty_file", "the file is empty.", line=line) from None
    except csv.Error:
        broken = True
        fields = [cell.strip().strip('"') for cell in lines[line - 1].split(delimiter)]
    columns = [_name(cell) for cell in fields]
    names = matched(columns, known, mapped)
    score = (len({*names} & {*known}), len({*names} & {*required}), sum(map(bool, columns)))
    last = lines[reader.line_num - 1]
    return Header(
        delimiter=delimiter,
        columns=columns,
        names=names,
        broken=broken,
        score=score,
        text="".join(lines[: reader.line_num]),
        line=line,
        next_line=reader.line_num + 1,
        line_end=last[len(last.rstrip("\r\n")) :],
    )


def _name(cell: str) -> str:
    """A header without the spaces, invisible characters and quotes around it."""
    name = _AROUND.sub("", cell)
    if name is not cell and len(name) > 1 and name[0] == name[-1] == '"':
        name = name[1:-1]
    return _AROUND.sub("", unescape_formula(name))


def refuse_header(
    header: Header, required: Collection[str], known: Collection[str], line: int
) -> None:
    """Raise BadFile if a file with these headers can't be imported."""
    columns, names = header.columns, header.names
    long = len(header.text.encode()) > MAX_HEADER
    if header.broken and not (long and header.next_line - header.line == 1):
        message = "a quote in the header is not closed, or text follows its closing quote."
        raise BadFile("unbalanced_quote", message, line=line)
    named = [name for name in names if name and name not in OWN_COLUMNS]
    if len(named) > MAX_COLUMNS:
        message = f"there are {len(named)} columns; at most {MAX_COLUMNS} are supported."
        raise BadFile("too_many_columns", message, line=line)
    if long:
        message = f"the header does not end within {MAX_HEADER // 1024} KB."
        raise BadFile("header_too_long", message, line=line)
    first: dict[str, str] = {}
    for column, name in zip(columns, names, strict=True):
        if name and name in first:
            raise _repeated(first[name], column, line)
        first[name] = column
    if missing := sorted(set(required).difference(names)):
        message = f"required headers are missing: {', '.join(missing)}."
        found = similar_columns(columns, names, known)
        for column, similar in found:
            if meant := [name for name in similar if name in missing]:
                message += f" Rename or map {column!r} if it is {' or '.join(meant)}."
        raise BadFile(
            "missing_header", message, line=line, field=missing[0], suggested=suggestions(found)
        )


def _repeated(first: str, column: str, line: int) -> BadFile:
    message = f"the header {column!r} is there more than once."
    if first != column:
        message = (
            f"the headers {first!r} and {column!r} are the same column; remove one of them, or map"
            " it to null."
        )
    return BadFile("duplicate_header", message, line=line, field=column)


def matched(
    columns: Iterable[str], known: Collection[str], mapped: Mapping[str, str] = NOT_MAPPED
) -> tuple[str, ...]:
    """The known column of each header, or the header in lower case if it is unknown.

    A header with `CUSTOM_PREFIX` keeps the name of the custom field as it is written.
    `mapped` has columns by squeezed header, or `IGNORED`; the columns of `failed.csv` are not
    mapped.
    """
    names = {squeezed(name): name for name in known}
    names |= {squeezed(alias): name for alias, name in ALIASES.items() if name in known}
    if mapped:
        names = {**names, **mapped}
    has_fields = CUSTOM_FIELDS in known
    return tuple(_matched(column, names, has_fields=has_fields) for column in columns)


def _matched(column: str, names: Mapping[str, str], *, has_fields: bool) -> str:
    lower = column.lower()
    if lower in OWN_COLUMNS:
        return lower
    prefix, field = column[: len(CUSTOM_PREFIX)].lower(), column[len(CUSTOM_PREFIX) :].strip()
    other = CUSTOM_PREFIX + field if has_fields and prefix == CUSTOM_PREFIX and field else lower
    return names.get(squeezed(column), other)


def is_custom(name: str) -> bool:
    """Whether a column has the values of one custom field."""
    return name.startswith(CUSTOM_PREFIX) and name != CUSTOM_PREFIX


def squeezed(name: str) -> str:
    """Normalize a header for comparison."""
    return _SEPARATORS.sub("", name.lower())


def trimmed(text: str) -> str:
    """A text without the spaces and invisible characters around it."""
    return _AROUND.sub("", text)


def suggestions(found: Iterable[SimilarColumn]) -> dict[str, str]:
    """The columns of a mapping for headers that are similar to one column only.

    If several headers are similar to it, the first one has it.
    """
    targets: dict[str, str] = {}
    for column, similar in found:
        if len(similar) == 1:
            targets.setdefault(similar[0], column)
    return {column: target for target, column in targets.items()}


def similar_columns(
    columns: Sequence[str], names: Sequence[str], known: Collection[str]
) -> tuple[SimilarColumn, ...]:
    """The unknown headers that are similar to a missing known column; `names` are from `matched`.

    The first rule that matches any column decides: equal without the prefix (`Max Activations`);
    one letter added, removed, changed or swapped; equal without signs (`[email]`); one word added
    (`Email Address`); one word removed, if that matches only one column or the header has a prefix
    (`order__id`); a synonym (`Vorname`).
    """
    forms = {name: {squeezed(name), squeezed(_bare(name))} for name in known}
    found = []
    for column, name in zip(columns, names, strict=True):
        is_unknown = name and name not in forms and not is_custom(name)
        if column and is_unknown and len(column) <= _LONGEST:
            similar = [each for each in _similar(column, forms) if each not in names]
            if similar:
                found.append(SimilarColumn(column, tuple(similar)))
    return tuple(found)


def _similar(column: str, forms: Mapping[str, set[str]]) -> list[str]:
    """The known columns that a header is most similar to."""
    whole = squeezed(column)
    if same := [name for name, own in forms.items() if whole in own]:
        return same
    if near := [name for name, own in forms.items() if any(_is_slip(whole, form) for form in own)]:
        return near
    words = [word.lower() for word in _WORD.findall(_CAMEL.sub(" ", column))]
    for shorter in ("".join(words), "".join(words[:-1]), "".join(words[1:])):
        same = [name for name, own in forms.items() if shorter in own]
        if same and len(shorter) >= _SHORTEST:
            return same
    is_prefixed = "__" in column
    by_word = [name for name in forms if whole in _shortened(name, is_prefixed)]
    if by_word and (len(by_word) == 1 or is_prefixed):
        return by_word
    meant = _synonyms().get(folded(column), "")
    return [name for name in forms if meant and _bare(name) == meant]


@cache
def _synonyms() -> dict[str, str]:
    """The names of columns without their prefix, by folded synonym."""
    return {folded(word): name for name, words in SYNONYMS.items() for word in words}


def folded(header: str) -> str:
    """Normalize a header for comparison with synonyms: only letters without accents, and digits."""
    return "".join(_WORD.findall(unicodedata.normalize("NFKD", header).lower()))


def _bare(name: str) -> str:
    """A column without its prefix, such as `license__`."""
    return name.rpartition("__")[2]


def _shortened(name: str, is_prefixed: bool) -> set[str]:
    """A column's name without its first and without its last word, also with its prefix."""
    prefix, _, bare = name.rpartition("__")
    words = bare.split("_")
    short = {"".join(words[1:]), "".join(words[:-1])} - {""}
    long = {each for each in short if len(each) >= _SHORTEST}
    return long | {squeezed(prefix) + each for each in (short if is_prefixed else long)}


def _is_slip(one: str, other: str) -> bool:
    """Whether the names differ by one letter added, removed, changed or swapped."""
    if len(other) < _SHORTEST or abs(len(one) - len(other)) > 1:
        return False
    start = 0
    while start < min(len(one), len(other)) and one[start] == other[start]:
        start += 1
    a, b = one[start:], other[start:]
    return a[1:] == b[1:] or a[1:] == b or a == b[1:] or (a[:2] == b[1::-1] and a[2:] == b[2:])
