"""Detect the encoding of a CSV file in one pass over its bytes.

A byte order mark decides. A file without one is UTF-8 if all of it is valid UTF-8, and otherwise
Windows-1252, regardless of the requested encoding: Windows-1252 text is hardly ever valid UTF-8 by
chance. Delimiters, quotes and line ends are ASCII in both encodings, so the planner can cut a file
into chunks before the encoding is known.
"""

import codecs
from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

from shared.errors import Refused

type Encoding = Literal["utf-8", "utf-16-le", "utf-16-be", "windows-1252"]

BOMS: tuple[tuple[bytes, Encoding], ...] = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_UNDEFINED = b"\x81\x8d\x8f\x90\x9d"
"""Bytes that Windows-1252 does not define."""
_TO_1252 = "; save it as UTF-8, or import it with the encoding windows-1252"


class BadFile(Refused):
    """The whole file is refused, before anything is written.

    Codes: `empty_file`, `not_text`, `undecodable`, `unsupported_delimiter`, `missing_header`,
    `duplicate_header`, `unmapped_columns`, `too_many_columns`, `header_too_long`,
    `record_too_long`, `field_too_long`, `unbalanced_quote`, `too_many_bundles`. `line` is the
    physical line in the file, from 1. `suggested` are columns for headers that are not known.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        line: int,
        field: str | None = None,
        suggested: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(code, f"Line {line}: {message}", field=field)
        self.line = line
        self.suggested = suggested or {}


class Position(NamedTuple):
    """A physical line, and the number of the data row; None for lines above the data."""

    line: int
    row: int | None


class _Spot(NamedTuple):
    """A byte or character in the file; `byte` is its offset, from 0."""

    place: Position
    byte: int
    shown: str

    def __str__(self) -> str:
        row = f", row {self.place.row}" if self.place.row else ""
        return f"byte {self.byte} ({self.shown}{row})"


class EncodingScan:
    """Decides between UTF-8 and Windows-1252 for a file without a byte order mark.

    Raises BadFile as soon as neither is possible. A file with both valid non-ASCII UTF-8 characters
    and invalid bytes is refused, unless Windows-1252 is requested: either encoding would corrupt
    some of its text. The result does not depend on how the file is split into parts.
    """

    def __init__(self, requested: Encoding | None, *, byte: int = 0) -> None:
        self.requested = requested
        self._byte = byte
        self._held = b""
        """The start of a character that ends in the next part."""
        self._wide: _Spot | None = None
        """The first valid non-ASCII UTF-8 character."""
        self._invalid: _Spot | None = None
        """The first byte that is not valid UTF-8."""
        self._undefined: _Spot | None = None
        """The first byte that Windows-1252 does not define."""

    @property
    def encoding(self) -> Encoding:
        """The encoding, according to the parts so far."""
        if self._invalid or (self.requested == "windows-1252" and not self._wide):
            return "windows-1252"
        return "utf-8"

    @property
    def may_turn(self) -> bool:
        """Whether the file is valid UTF-8 so far but could still be Windows-1252."""
        return self.requested == "windows-1252" and not self._invalid

    def feed(
        self, part: bytes, place_at: Callable[[int], Position], *, final: bool = False
    ) -> None:
        """Process the next part; `place_at` maps an offset in it to the position in the file."""
        if not self._held and part.isascii():
            self._byte += len(part)
            return
        data = self._held + part
        before = len(self._held)

        def spot(at: int, shown: str) -> _Spot:
            return _Spot(place_at(max(0, at - before)), self._byte - before + at, shown)

        start = 0
        if self._invalid is None:
            try:
                text, used = codecs.utf_8_decode(data, "strict", final)
                self._note_wide(text, 0, spot)
            except UnicodeDecodeError as error:
                start = error.start
                self._note_wide(data[:start].decode(), 0, spot)
                self._invalid = spot(start, f"0x{data[start]:02x}")
        if self._invalid is not None:
            text, used = codecs.utf_8_decode(data[start:], "surrogateescape", final)
            used += start
            self._note_wide(text, start, spot)
        if self._undefined is None and (self._invalid or self.requested == "windows-1252"):
            found = [at for byte in _UNDEFINED if (at := data.find(byte, 0, used)) >= 0]
            if found:
                self._undefined = spot(min(found), f"0x{data[min(found)]:02x}")
        self._byte += len(part)
        self._held = data[used:]
        if self._invalid:
            self._refuse(self._invalid)

    def _note_wide(self, text: str, start: int, spot: Callable[[int, str], _Spot]) -> None:
        if self._wide is not None or text.isascii():
            return
        try:
            text.encode("ascii", "surrogateescape")
        except UnicodeEncodeError as error:
            good = text[: error.start].encode("utf-8", "surrogateescape")
            self._wide = spot(start + len(good), text[error.start])

    def _refuse(self, invalid: _Spot) -> None:
        """Raise BadFile if a file with an invalid byte can't be Windows-1252 either."""
        wide, undefined = self._wide, self._undefined
        where = f"{invalid} is not UTF-8"
        if self.requested == "utf-8":
            helps = undefined is None or undefined.byte != invalid.byte
            message = f"{where}{_TO_1252 if helps else ''}."
            raise BadFile("undecodable", message, line=invalid.place.line)
        mixes = self.requested is None and wide is not None
        if mixes and wide and (undefined is None or wide.byte <= undefined.byte):
            message = (
                f"{where}, but the character {wide.shown!r} in line {wide.place.line} is: the file"
                " mixes encodings. Save all of it as UTF-8"
            )
            if undefined is None:
                message += "; if it is all Windows-1252, import it with the encoding windows-1252"
            raise BadFile("undecodable", f"{message}.", line=invalid.place.line)
        if undefined:
            message = (
                f"{undefined} is not windows-1252, and the file is not UTF-8 (byte"
                f" {invalid.byte}, {invalid.shown}); save it as UTF-8."
            )
            raise BadFile("undecodable", message, line=undefined.place.line)


def undecodable(error: UnicodeDecodeError, encoding: Encoding, *, line: int, byte: int) -> BadFile:
    """The error for bytes that contradict the byte order mark; `byte` is an offset, from 0."""
    bad = error.object[error.start : error.start + 1].hex()
    message = f"byte {byte} (0x{bad}) is not {encoding}, as the byte order mark says the file is"
    return BadFile("undecodable", f"{message}; save it as UTF-8.", line=line)


def not_text(text: str, nul: int, *, line: int) -> BadFile:
    """The error for text with a zero byte at `nul`."""
    seems = "UTF-16 without a byte order mark" if text.count("\0") * 3 > len(text) else "binary"
    message = f"there is a zero byte, so it is not text; it seems to be {seems}. Save it as UTF-8."
    return BadFile("not_text", message, line=line + newlines(text[:nul].encode()))


def newlines(data: bytes, start: int = 0, end: int | None = None) -> int:
    """Count the line ends in `data[start:end]`: LF, CRLF and CR, also inside quotes."""
    end = len(data) if end is None else end
    found = data.count(b"\n", start, end)
    if data.find(b"\r", start, end) >= 0:
        pairs = data.count(b"\r\n", start, end) if found else 0
        found += data.count(b"\r", start, end) - pairs
    return found
