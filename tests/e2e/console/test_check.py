"""The file check finds the same errors as the server, and keeps the page responsive."""

import base64
import unicodedata
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from pydantic import ValidationError

from shared.column_mapping import NO_MAPPING, ColumnMapping, RowMapping, written_fault
from shared.columns import KINDS, faults_of_row
from shared.csv_format.dialect import Dialect
from shared.csv_format.encoding import BadFile
from shared.csv_format.header import matched
from shared.csv_format.planner import plan
from shared.csv_format.reader import Record, records
from shared.day_order import Dates, DayOrder
from shared.import_header import check_header, detected
from shared.import_job import ChosenEncoding
from shared.values import is_unseen
from tests.e2e.console.mapped_files import MappedFile, mapped_files
from tests.e2e.console.pages import Console
from tests.e2e.importing import ended, upload
from tests.e2e.remote import RemoteShop
from tests.shared.value_import import import_job

KEY = "license__license_key,product__short_code"
GOOD = {
    "plain": "a,kp",
    "spaces": "  a  , kp ",
    "quoted": '"a ""b"" c",kp',
    "accents": "Ä-ß-😀,kp",
    "zeros": "000123,kp",
    "escaped formula": "'=1+1,kp",
    "lost digits": "123456789012345000,kp",
    "256 bytes": f"{'é' * 128},kp",
}
BAD = {
    "no key": ",kp",
    "blank key": '"  ",kp',
    "no product": "a,",
    "scientific": "1.9E+18,kp",
    "narrow": "########,kp",
    "formula error": "#NAME?,kp",
    "newline in a key": '"a\nb",kp',
    "long key": f"{'k' * 257},kp",
    "wide key": f"{'é' * 129},kp",
    "long code": f"a,{'c' * 101}",
    "more cells": "a,kp,b",
    "stray quote": '"a"b,kp',
    "text after empty quotes": '""a,kp',
    "a mark before a quote": '\ufeff"a",kp',
    "an invisible key": "\u200b,kp",
    "stray quote behind lines": '"a","k\np","c"d',
}
CELLS = {
    "license__enabled": ["1", "TRUE", " no ", "ja", "2"],
    "license__license_type": ["perpetual", " time-limited ", "Perpetual", "foo"],
    "license__max_activations": ["0", "2147483647", "2147483648", "-1", "1.0", "x", "12345678901"],
    "license__valid_duration": ["1y", "90min", "0d", "1w", " 3m ", "100000d"],
    "license__maintenance_duration": ["1y", "1h"],
    "license__validity_period": [
        "2026-03-12",
        "2026-3-2",
        "2026-02-29",
        "2024-02-29",
        "2026-13-01",
        "0000-01-01",
        "12.03.2026",
        "2026-03-12T08:00:00Z",
        "2026-03-12 08:00",
        "2026-03-12Tx",
        "0001-1-1",
        "0001-01-011",
        "0000-00-00 00:00:00",
    ],
    "license__consumption_period": ["monthly", "Year", "yearly", "often"],
    "license__max_transfers": ["-1", "-2", "0", "x"],
    "license__trial_days": ["\\N", " \\N ", "\\Nx", "3"],
    "license__max_activations ": ["\\N"],
    "license__metadata": ['"{""po"": 1}"', "{", '"[1]"', "x"],
    "customer__city": ['"a\n b"', '"a\r\n\r\nb"', "a\u2028b", '"a\tb"'],
    "license__note": ["x" * 1000, "y" * 1001, '"two\nlines"', "#REF!"],
    "order__store_id": ["s" * 200, "s" * 201, "s" * 256],
    "customer__email": [
        "\u201ca@b.c\u201d",
        "a@b\u3002c",
        "\u3164",
        "A@B.c",
        "no",
        "a b@c",
        f"{'a' * 250}@b.c",
        "a@b@c",
    ],
    "customer__first_name": ["\u200b", "Ana", "n" * 256, "\x07bell"],
}
FILES: dict[str, bytes] = {
    **{name: f"{KEY}\n{row}\nlast,kp\n".encode() for name, row in (GOOD | BAD).items()},
    **{
        f"{column} {cell[:20]!r}": f"{KEY},{column}\na,kp,{cell}\n".encode()
        for column, cells in CELLS.items()
        for cell in cells
    },
    "crlf": f"{KEY}\r\na,kp\r\n\r\n,kp\r\n".encode(),
    "cr": f"{KEY}\ra,kp\r,kp\r".encode(),
    "mixed ends": f'{KEY}\r\na,kp\n"b\r\nc",kp\r,kp\n'.encode(),
    "semicolons": f"{KEY.replace(',', ';')}\na;kp\n;kp\n".encode(),
    "tabs": f"{KEY.replace(',', chr(9))}\n\tkp\n".encode(),
    "sep line": f"sep=;\n{KEY.replace(',', ';')}\n;kp\n".encode(),
    "sep line of another": f"sep=:\n{KEY.replace(',', ':')}\n".encode(),
    "blank lines and rows": f"\n,,\n{KEY}\n\n , \na,kp\n,kp\n".encode(),
    "capitals": f" {KEY.upper()} \na,kp\n,kp\n".encode(),
    "byte order mark": f"\ufeff{KEY}\n,kp\n".encode(),
    "utf-16": f"{KEY}\nä,kp\n,kp\n".encode("utf-16"),
    "escaped headers": f"{KEY},'=sum\na,kp,1\n".encode(),
    "report of ours": f"{KEY},_row,_codes,_messages\n,kp,3,x,y\n".encode(),
    "report with what was too much": f"{KEY},_row,_codes,_messages\na,kp,3,x,y,z\n".encode(),
    "short rows": f"{KEY},license__note\na,kp\nb\n".encode(),
    "nothing": b"\n",
    "header alone": f"{KEY}\n".encode(),
    "header without end": KEY.encode(),
    "missing header": b"license__license_key,note\na,b\n",
    "twice": f"{KEY},{KEY.upper()}\na,kp,a,kp\n".encode(),
    "many columns": (KEY + "".join(f",c{n}" for n in range(199)) + "\n").encode(),
    "long header": (KEY + f",{'x' * 70_000}\n").encode(),
    "quote in header": f'{KEY},"a\na,kp,b\n'.encode(),
    "open quote": f'{KEY}\na,kp\n"b,kp\nc,kp\n'.encode(),
    "torn quote": f'{KEY}\na,kp\n"b\nc"d,kp\n'.encode(),
    "zero byte": f"{KEY}\na,kp\nb\0,kp\n".encode(),
    "latin": f"{KEY}\na,kp\n".encode() + b"b\xfc,kp\n",
    "workbook": b"PK\x03\x04" + b"." * 26 + b"[Content_Types].xml....xl/workbook.xml",
    "zip": b"PK\x03\x04" + b"." * 26 + b"some.csv",
    "json": b'\n[{"key": "K-1"}]',
    "brackets": f"[a],{KEY}\n,b,kp\n".encode(),
    "picture": b"\x89PNG\r\n",
    "page": b"<!DOCTYPE html><html>",
}

CHECK = """async ([source, kind, most, encoding, dates, mapping]) => {
  const createScriptURL = (url) => url;
  const worker = (window.worker ??= new Worker(
    trustedTypes.createPolicy("keywright", { createScriptURL }).createScriptURL("check.js"),
    { type: "module" },
  ));
  const file = new Blob([Uint8Array.from(atob(source), (letter) => letter.charCodeAt(0))]);
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => data.result && resolve(data.result);
    worker.onerror = reject;
    const options = { encoding: encoding ?? "", dates: dates ?? "iso", most: most ?? undefined };
    worker.postMessage({ file, kind, ...options, mapping: mapping ?? undefined });
  });
}"""
"""The console's own worker, in a page that has not started it: see `rules_page`."""


ENCODINGS: dict[str, ChosenEncoding] = {"utf-8": "utf-8", "windows-1252": "windows-1252"}
ENCODED = (
    *(b"email\na@x.test\n", "email,Größe\nä@x.test,ü\n".encode()),
    *("email,Größe\na@x.test,€\n".encode("cp1252"), b"email\na@x.test\xa0\n\xa0\n\xfc@x.test\n"),
    *(b"email\n\xc3\xbc@x.test\nb@x.test\n\xfc@x.test\n", b"email\n\xfc@x.test\n\xc3\xbc@x.test\n"),
    *(b"email\n\xfc@x.test\n\xc3\x81@x.test\n", b"email\n\xfc@x.test\nb\x8d@x.test\n"),
    *(b"email\nb\x8d@x.test\n", b"email\nb\xc3\x8d@x.test\n", b"email\n\xe2\x82", b"email\n\xe9"),
    *(b"\xef\xbb\xbfemail\n\xfc@x.test\n", b"email\n\xed\xa0\x80@x.test\n", b"email\n\xf5\x80@x\n"),
    *("email\n😀@x.test\n\u2028\n".encode(), "email\nä@x.test\n".encode("utf-16")),
)
HEADERS = {
    "licenses": (
        *(KEY, f"{KEY},Is Trial,Max Activations", f"{KEY},license__max_activatons,Tags,Users"),
        *("License Key,Product Short Code", "LICENSE-license_key,product short code,Email"),
        *(f"{KEY},Email Address,customer__first_name", f"{KEY},licence__note,Notes,Type,Country"),
        *(f"{KEY},license__note,License Note", "a,b", f"{KEY},Activations,CustomerEmail,metadata"),
        *(
            f"{KEY},license__validity,order__id",
            f"{KEY},'customer__email',[license__note],order id",
        ),
        *(
            f"{KEY},License Duration,license__id,customer__name,__,order__",
            f"{KEY},license id,<is_floating>",
        ),
    ),
    "customers": (
        *("E-Mail,First Name", "EMAIL,FirstName,_row,_codes", "e\u200bmail,first\u00adname"),
        *("email,E-Mail", "email,EMAIL", "Email Address,first_name", "EmailAddress,Company,Name"),
        *("email,Email Address,Contry,frist_name", "first_name,Tags", "Name,Tags", "emial,Phone 2"),
        *("\u00a0Email ,City Name,Straße,İd", "email,Billing Address,Post-Code,Post Codes"),
        *("'email',first_name", "(email),*City*,first.name", "[],email,__"),
    ),
}


def header_files(kind: str) -> Iterator[bytes]:
    for header in HEADERS[kind]:
        cells = ["a@x.test", "kp", *["1"] * header.count(",")][: header.count(",") + 1]
        yield f"{header}\n{','.join(cells)}\n".encode()


WATCH = """() => {
  Object.assign(window, { read: 0, received: 0, shares: new Set() });
  for (const name of ["arrayBuffer", "stream", "text"]) {
    const read = Blob.prototype[name];
    Blob.prototype[name] = function () {
      window.read += this.size;
      return read.call(this);
    };
  }
  const { set } = Object.getOwnPropertyDescriptor(Worker.prototype, "onmessage");
  Object.defineProperty(Worker.prototype, "onmessage", {
    set(listen) {
      set.call(this, (event) => {
        window.received += JSON.stringify(event.data).length;
        listen(event);
      });
    },
  });
  setInterval(() => window.shares.add(document.querySelector("progress")?.value), 20);
}"""
"""Counts the bytes that the page reads of files, and those that its workers send it."""


def server_check(
    data: bytes,
    kind: str,
    encoding: str = "",
    dates: Dates = "iso",
    mapping: ColumnMapping = NO_MAPPING,
) -> dict[str, Any]:
    """Return the result of the import code, without a catalog."""
    columns, required = KINDS[kind].columns, mapping.required(kind)
    job = import_job(
        "licenses" if kind == "licenses" else "customers",
        encoding=ENCODINGS.get(encoding),
        unknown_columns="ignore",
    )
    try:
        planned = plan(
            [data],
            required=required,
            known=columns,
            encoding=job.encoding,
            mapped=mapping.headers,
            accept=lambda dialect: check_header(job, dialect, mapping),
        )
    except BadFile as refused:
        return {"refusal": (refused.code, refused.line)}
    about = detected(job, planned.dialect, mapping)
    rows = RowMapping(mapping, planned.dialect, kind)
    similar = {each["column"] for each in about["warnings"] if each["code"] == "similar_column"}
    found: list[tuple[Any, ...]] = []
    order = DayOrder()
    for chunk in planned.chunks:
        piece = data[chunk.start : chunk.end]
        for record in records(
            piece, planned.dialect, first_row=chunk.first_row, first_line=chunk.first_line
        ):
            found += faults(record, rows, planned.dialect, kind, dates, mapping)
            for cell in day_cells(record, planned.dialect, kind):
                order.feed(cell)
    return {
        "rows": planned.rows,
        "faults": sorted(found),
        "encoding": about["encoding"].replace("utf-16-", "utf-16"),
        "unknown": about["unknown_columns"],
        "similar": similar,
        "suggested": about["suggested"],
        "warnings": len(about["warnings"]) - len(similar),
        "dates": {"suggested": order.suggested, "example": order.example},
    }


def day_cells(record: Record, dialect: Dialect, kind: str) -> Iterator[str]:
    days = {header for part in KINDS[kind].parts.values() for header in part.days}
    for name, cell in zip(dialect.names, record.fields, strict=False):
        if name in days:
            yield cell


def faults(
    record: Record,
    rows: RowMapping,
    dialect: Dialect,
    kind: str,
    dates: Dates,
    mapping: ColumnMapping,
) -> Iterator[tuple[Any, ...]]:
    if record.fault:
        yield record.row, record.line, "", record.fault
        return
    cells = dict(zip(rows.dialect.names, rows.record(record).fields, strict=False))
    if kind == "customers" and all(is_unseen(cells.get(name, "")) for name in KINDS[kind].columns):
        yield record.row, record.line, "", "blank_row"
        return
    for part in KINDS[kind].parts.values():
        try:
            part.read(cells, dates)
        except ValidationError as error:
            for each in faults_of_row(error, part, dates):
                fault = written_fault(each, mapping, dialect, record.fields)
                yield (
                    record.row,
                    record.line,
                    each["column"] if mapping is NO_MAPPING else fault["column"],
                    fault["code"],
                    fault["message"],
                    (fault["value"] or "").replace("\r\n", "\n"),
                )


def browser_check(
    page: Page,
    data: bytes,
    kind: str,
    encoding: str = "",
    dates: Dates = "iso",
    mapping: dict[str, Any] | None = None,
) -> dict[str, Any]:
    source = base64.b64encode(data).decode()
    result = page.evaluate(CHECK, [source, kind, None, encoding, dates, mapping])
    return shown_check(result, kind, is_mapped=mapping is not None)


def shown_check(result: dict[str, Any], kind: str, *, is_mapped: bool = False) -> dict[str, Any]:
    """What the browser's check finds, as `server_check` returns it."""
    if "error" in result:
        return {"refusal": (result["error"]["code"], result["error"]["line"])}
    return {
        "rows": result["rows"],
        "faults": sorted(
            (
                row["row"],
                row["line"],
                fault["column"] if is_mapped else named(fault["column"], kind),
                fault["code"],
            )
            + ((fault["message"], fault["value"] or "") if fault["column"] else ())
            for row in result["faults"]
            for fault in row["errors"]
        ),
        "encoding": result["encoding"],
        "unknown": result["unknown"],
        "similar": {each["column"] for each in result["similar"]},
        "suggested": result["suggested"],
        "warnings": len(result["warnings"]),
        "dates": result["dates"],
    }


def named(column: str, kind: str) -> str:
    return matched([column], KINDS[kind].columns)[0] if column else ""


def rules_page(console: Console) -> Page:
    """A file next to the worker, whose page has the console's policy and no script of its own."""
    page = console.page
    page.goto(console.url)
    page.goto(page.evaluate("new URL('rules.json', document.scripts[0].src).href"))
    return page


DAYS = (
    *("31.12.2027", "12/31/2027", "01.02.2027", "1-2-2027", "31. 12. 2027", "2027-12-31", "soon"),
    *("30.02.2027", "31.12.27", "31.12/2027", "29.02.2028 0:00", "12/31/2027 11:59 PM", ""),
    *("01.01.0001", "00.00.0000", "31.12.2027 25:00", " 31.12.2027 ", "\u00a031.12.2027", "'31"),
)
FLAGS = (
    "Ja",
    "NEIN",
    "si",
    "S\u00cd",
    "Si\u0301",
    "verdadero",
    "falso",
    "vrai",
    "j",
    "1.0",
    "oui ",
)
COUNTS = ("5,0", "5.00", "5.000", "5,", ",0", " 7.0 ", "2147483648,0", "-1,0", "1,5", "\u06605,0")


@pytest.mark.parametrize("dates", ["iso", "dmy", "mdy"])
def test_the_browser_reads_dates_flags_and_counts_as_the_server_does(
    console: Console, dates: Dates
) -> None:
    page = rules_page(console)
    columns = {
        "license__validity_period": DAYS,
        "license__prevent_vm": FLAGS,
        "license__max_activations": COUNTS,
        "license__max_transfers": COUNTS,
    }
    files = [
        "\n".join([f"{KEY};{column}", *(f"K-{at};kp;{cell}" for at, cell in enumerate(cells)), ""])
        .replace(KEY, KEY.replace(",", ";"))
        .encode()
        for column, all_cells in columns.items()
        for cells in (all_cells, *([cell] for cell in all_cells))
    ]

    differences = [
        (data, browser, server)
        for data in files
        if (browser := browser_check(page, data, "licenses", "", dates))
        != (server := server_check(data, "licenses", "", dates))
    ]

    assert not differences


def test_the_browser_reads_headers_and_encodings_as_the_server_does(console: Console) -> None:
    page = rules_page(console)
    files = [(data, kind, "") for kind in HEADERS for data in header_files(kind)]
    files += [(data, "customers", each) for data in ENCODED for each in ("", *ENCODINGS)]

    differences = []
    for data, kind, encoding in files:
        server = server_check(data, kind, encoding)
        browser = browser_check(page, data, kind, encoding)
        if browser != server:
            differences.append((data, kind, encoding, browser, server))

    assert not differences


def test_the_browser_finds_the_same_errors_as_the_server_in_every_file(console: Console) -> None:
    page = rules_page(console)

    browser = {name: browser_check(page, data, "licenses") for name, data in FILES.items()}

    server = {name: server_check(data, "licenses") for name, data in FILES.items()}
    differences = {
        name: (browser[name], server[name]) for name in FILES if browser[name] != server[name]
    }
    assert not differences
    assert all(not server[name]["faults"] for name in GOOD)
    assert all(server[name].get("faults") or server[name]["refusal"] for name in BAD)


def test_the_browser_maps_columns_and_values_as_the_server_does(console: Console) -> None:
    """500 random files of other systems, with a mapping each."""
    page = rules_page(console)

    differences = [
        (file, browser, server)
        for file in mapped_files(500)
        if (browser := comparable(browser_check(page, file.data, file.kind, mapping=file.mapping)))
        != (server := mapped_server_check(file))
    ]

    assert not differences


def mapped_server_check(file: MappedFile) -> dict[str, Any]:
    """Return what the server finds in a file with its mapping."""
    mapping = ColumnMapping.model_validate(file.mapping)
    return comparable(server_check(file.data, file.kind, mapping=mapping))


def comparable(check: dict[str, Any]) -> dict[str, Any]:
    """Return a check without what another test compares: duplicates, and how values are trimmed."""
    faults = [
        tuple(
            unicodedata.normalize("NFC", part).strip() if isinstance(part, str) else part
            for part in fault
        )
        for fault in check.get("faults", ())
        if fault[3] != "duplicate_in_file"
    ]
    return {**check, "faults": sorted(faults)}


def test_the_page_stays_responsive_while_200_000_rows_are_checked(
    console: Console, vendor: RemoteShop
) -> None:
    """The page reads nothing of the file: a worker does, and sends the first errors."""
    page = console.page
    rows = (f"big-{n:06},kp,perpetual,Ana {n},a{n % 5000}@big.test" for n in range(199_999))
    header = f"{KEY},license__license_type,customer__first_name,customer__email"
    data = "\n".join((header, *rows, "big-x,kp,wrong,,")).encode()
    console.visit("imports/licenses/new", vendor)
    page.evaluate(WATCH)

    console.choose("big.csv", data)
    console.see("1 of 200,000 rows has errors")

    console.see("must be one of 'perpetual'")
    assert len(page.evaluate("[...window.shares]")) > 3, "progress was not shown"
    assert page.evaluate("window.read") == 0
    assert 0 < page.evaluate("window.received") < 50_000 < len(data) / 100


DUPLICATES = {
    "licenses": (
        f"{KEY},license__note\nD-1,kp,a\nD-1,kp,b\nD-2,kp,\nD-1,kp,a\n",
        f"{KEY},license__note\nD-1,kp,a\n\u200bD-1 ,kp, a\n'D-1,kp,a\n",
        f"{KEY},license__max_activations\nD-1,kp,1\nD-1,kp,\nD-1,kp,01\nD-1,kp,7\n",
        f"{KEY},license__enabled\nD-1,kp,TRUE\nD-1,kp,1\nD-1,kp,\nD-1,kp,no\n",
        f"{KEY},order__store_id\nD-1,kp,o-1\nD-1,kp,o-2\nD-1,kp,\nD-1,kp,o-1\n",
        f"{KEY},order__store_id,order__language\nD-1,kp,o-1,de\nD-1,kp,o-1,es\n",
        f"{KEY},customer__email\nD-1,kp,A@x.test\nD-1,kp,a@X.test\nD-1,kp,\nD-1,kp,b@x.test\n",
        f"{KEY},customer__email,customer__city\nD-1,kp,a@x.test,A\nD-1,kp,a@x.test,B\n",
        f"{KEY},customer__city\nD-1,kp,A\nD-1,kp,B\nD-1,kp,A\n",
        f"{KEY}\nD-1,kp\nD-1,cp\nd-1,kp\nU\u0308-1,kp\n\u00dc-1,kp\n",
        f'{KEY},license__note\n"D\n1",kp,\nD-1,kp,"a\nb"\nD-1,kp,"a\nc"\n',
    ),
    "customers": (
        "email,first_name\nA@x.test,Ana\na@x.test,Ana\na@x.test,Anne\na@x.test,\n",
        "email,city\na@m\u00fcnchen.test,x\na@xn--mnchen-3ya.test,x\na@M\u00dcNCHEN.test,y\n",
        "email,city\na@x\uff0etest,x\na@x.test,y\na@stra\u00dfe.test,x\na@strasse.test,y\n",
        "email,reference\na@x.test,R\nb@x.test,R\n,R\n,R\na@x.test,S\n",
        "reference,city\nR,x\n R,x\nr,x\nR,\n",
        "first_name,city\nAna,x\nAna,x\nAna,y\n",
    ),
}


def test_the_browser_finds_the_duplicates_that_the_server_finds(
    console: Console, vendor: RemoteShop
) -> None:
    page = rules_page(console)

    for kind, texts in DUPLICATES.items():
        for text in texts:
            data = text.encode()
            job = ended(vendor, upload(vendor, kind, data, dry_run=True))
            errors = vendor.get(f"/imports/{job['id']}/errors/").json()["results"]
            rejected = {
                each["row"]: fault["message"].partition(":")[0]
                for each in errors
                for fault in each["errors"]
                if fault["code"] == "duplicate_in_file"
            }
            result = page.evaluate(CHECK, [base64.b64encode(data).decode(), kind, None, ""])
            certain = {
                each["row"]: fault["message"].partition(":")[0]
                for each in result["faults"]
                for fault in each["errors"]
                if fault["code"] == "duplicate_in_file"
            }
            repeated = {each["row"]: each["different"] for each in result["repeated"]["listed"]}
            maybe = {row for row, different in repeated.items() if different}
            existed = {row for row, different in repeated.items() if not different}
            assert certain.items() <= rejected.items(), text
            assert rejected.keys() <= certain.keys() | maybe, text
            assert not existed & rejected.keys(), text
            if kind == "customers":
                assert certain == rejected, text


def test_duplicate_rows_are_listed_before_the_upload(console: Console, vendor: RemoteShop) -> None:
    page = console.visit("imports/licenses/new", vendor)
    rows = ("a,1", "b,1", "a,2", "a,01")
    text = f"{KEY},license__note,license__max_activations\n"
    text += "".join(f"D-1,kp,{row}\n" for row in rows)

    console.choose("twice.csv", text.encode())

    console.see("row 1 of this file has the same license key with other values: license__note")
    console.see("Row 1 has other values in Activations license__max_activations")
    console.see("Same as row 1")
    expect(page.get_by_role("button", name="Import 3 rows, skip 1", exact=True)).to_be_visible()


def test_duplicates_of_a_large_file_are_found_in_bounded_memory(console: Console) -> None:
    page = rules_page(console)
    data = f"{KEY}\n{''.join(f'R-{n % 3},kp{chr(10)}' for n in range(9))}".encode()
    check = CHECK.replace("encoding: encoding", "maxKeys: 2, encoding: encoding")

    result = page.evaluate(check, [base64.b64encode(data).decode(), "licenses", None, ""])

    assert [each["row"] for each in result["repeated"]["listed"]] == [4, 5, 7, 8]
