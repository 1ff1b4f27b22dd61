"""Untidy files: what is unambiguous is imported, the rest is refused at its cell."""

import unicodedata
from typing import Any

import pytest

from shared.import_job import ImportJob
from shared.values import FORMAT
from tests.functions.import_files import Files, counts
from tests.functions.shop import Shop

LICENSES = "license__license_key,product__short_code"


def codes_of(files: Files, job: ImportJob) -> list[tuple[str, str]]:
    """Column and code of every fault of a job."""
    return [
        (fault["column"], fault["code"]) for row in files.errors(job) for fault in row["errors"]
    ]


def warnings_of(files: Files, job: ImportJob) -> list[tuple[int, dict[str, Any]]]:
    """The row of each warning of a job, and the warning."""
    found = files.rows(job, "outcome=warning")
    return [(row["row"], each) for row in found for each in row["warnings"]]


def emails(files: Files) -> set[str | None]:
    return {each["email"] for each in files.shop.get("/customers/").json()["results"]}


IGNORABLE = "034F 115F-1160 17B4-17B5 180B-180F 2065 2800 3164 FE00-FE0F FFA0 FFF0-FFF8 E0000-E0FFF"
"""Of other categories: Default_Ignorable_Code_Point of Unicode 16, and the blank of Braille."""


def test_invisible_characters_are_those_of_unicode() -> None:
    found = {code for code in range(0x110000) if FORMAT.match(chr(code))}

    expected = {n for n in range(0x110000) if unicodedata.category(chr(n)) == "Cf"}
    for named in IGNORABLE.split():
        first, _, last = named.partition("-")
        expected |= set(range(int(first, 16), int(last or first, 16) + 1))
    assert found == expected


@pytest.mark.parametrize("mark", [*"\u200b\ufeff\u2060\u061c\u3164\u2800\ufe0f\u034f"])
def test_invisible_characters_around_a_key_are_not_part_of_it(files: Files, mark: str) -> None:
    files.imported(f"{LICENSES}\n{mark}INV-0001 {mark},kp\n")

    assert files.shop.get("/licenses/", "license_key=INV-0001").json()["count"] == 1


@pytest.mark.parametrize("mark", [*"\u200b\u202e\u2066\u00ad\u3164\u2800\ufe0f"])
def test_invisible_characters_inside_an_identifier_are_refused(files: Files, mark: str) -> None:
    header = f"{LICENSES},order__store_id,customer__email,customer__reference"
    row = ",".join(f"{text}{mark}b" for text in ("K-1", "k", "o-1", "a@x", "crm-1"))

    job = files.imported(f"{header}\n{row}\n")

    assert codes_of(files, job) == [
        (column, "invalid_value")
        for column in (
            *("license__license_key", "product__short_code", "order__store_id"),
            *("customer__email", "customer__reference"),
        )
    ]


@pytest.mark.parametrize("field", ["id", "email", "key", "product_code", "reference"])
def test_invisible_characters_inside_an_identifier_of_an_order_are_refused(
    shop: Shop, field: str
) -> None:
    bad = "k\u200bp@x.test"
    lic = {"key": bad} if field == "key" else {}
    item = {"product_code": bad if field == "product_code" else "kp", "licenses": [lic]}
    order = {"id": bad} if field == "id" else {"reference": bad} if field == "reference" else {}
    customer = {"customer": {"email": bad}} if field == "email" else {}

    reply = shop.order(items=[item], **order, **customer)

    assert (reply.status, reply.json()["errors"][0]["field"].rpartition(".")[2]) == (400, field)


UNSEEN = ["\u200b", "\u200b \u2060", "\u3164"]


@pytest.mark.parametrize("cell", UNSEEN)
def test_a_cell_of_invisible_characters_is_a_blank_one(files: Files, cell: str) -> None:
    text = f"email,first_name,address\na@x.test,{cell},{cell}\n,{cell},{cell}\n{cell},,\n"

    job = files.imported(text, "customers")

    assert codes_of(files, job) == [("", "blank_row"), ("", "blank_row")]
    (customer,) = files.shop.get("/customers/").json()["results"]
    assert (customer["first_name"], customer["address"]) == (None, None)


@pytest.mark.parametrize("text", [*UNSEEN, " ", "\u00a0"])
def test_a_text_of_invisible_characters_is_no_text(shop: Shop, text: str) -> None:
    made = shop.post("/customers/", {"email": "a@x.test", "first_name": text, "address": text})
    assert (made.json()["first_name"], made.json()["address"]) == (None, None)
    product = {"product_name": text, "short_code": "new"}
    assert shop.post("/products/", product).json()["errors"][0]["field"] == "product_name"


def test_joiners_stay_in_names_and_notes(files: Files) -> None:
    name = "नि\u200dषा"
    files.imported(f"email,first_name\na@x.test,{name}\n", "customers")

    (customer,) = files.shop.get("/customers/").json()["results"]
    assert customer["first_name"] == name


def test_a_key_and_an_email_have_one_unicode_form(files: Files) -> None:
    decomposed = unicodedata.normalize("NFD", "KÉY-1")
    text = f"{LICENSES},customer__email\n{decomposed},kp,jürgen@xn--mnchen-3ya.example\n"
    files.imported(text)

    found = files.shop.get("/licenses/", "license_key=KÉY-1".replace("É", "%C3%89")).json()
    assert found["results"][0]["customer"]["email"] == "jürgen@münchen.example"


@pytest.mark.parametrize(
    "zero",
    [
        *("0001-01-01", "0000-00-00", "0001-01-01T00:00:00Z", "0001-1-1", "0000-0-0 00:00:00"),
        *("0001-01-01 00:00:00.000 +00:00", " 0001-1-1T05:53:28+05:53 "),
    ],
)
def test_a_zero_date_is_no_date(files: Files, zero: str) -> None:
    header = f"{LICENSES},license__license_type,license__valid_duration,license__validity_period"

    files.imported(f"{header}\nZERO-1,kp,time-limited,1y,{zero}\n")

    (lic,) = files.shop.get("/licenses/").json()["results"]
    assert (lic["valid_duration"], lic["validity_period"]) == ("1y", None)


@pytest.mark.parametrize("cell", ["0001-01-011", "0000-00-00?", "0001-01-01 or so", "0000-1-1"])
def test_what_only_begins_like_a_zero_date_is_refused(files: Files, cell: str) -> None:
    job = files.imported(f"{LICENSES},license__validity_period\nZERO-1,kp,{cell}\n")

    assert codes_of(files, job) == [("license__validity_period", "invalid_value")]


@pytest.mark.parametrize("blank", ["\u00a0", "\u2003", "\u3000", "\t", " \u00a0 ", '"\u00a0"'])
def test_a_row_of_blanks_of_any_kind_is_no_row(files: Files, blank: str) -> None:
    text = f"email,first_name\na@x.test,Ana\n{blank},{blank}\n"

    job = files.imported(text, "customers")

    assert (job.state, counts(job, "total", "created_customers")) == ("succeeded", [1, 1])


def test_a_row_that_fills_no_known_column_is_refused(files: Files) -> None:
    job = files.imported("email,first_name,Tags\na@x.test,Ana,x\n,,only this\n", "customers")

    assert codes_of(files, job) == [("", "blank_row")]
    assert counts(job, "created_customers") == [1]


@pytest.mark.parametrize("blank", [" ", "\u00a0", "\t", "\u200b", "\ufeff", "\u3164 "])
def test_a_blank_before_a_quote_is_never_part_of_a_value(files: Files, blank: str) -> None:
    job = files.imported(f'{LICENSES}\nQUO-1,{blank}"kp"\n{blank}"QUO-2",kp\nQUO-3,"kp"\n')

    assert [code for _, code in codes_of(files, job)] == ["stray_quote", "stray_quote"]
    assert counts(job, "created_licenses") == [1]


@pytest.mark.parametrize("key", ["'Q-1'", '"""Q-1"""', "“Q-1”", "„Q-1“", "«Q-1»", "`Q-1'"])
def test_quotes_that_are_kept_around_an_identifier_are_shown(files: Files, key: str) -> None:
    text = f"{LICENSES},order__store_id,customer__reference,customer__company_name\n"
    kept = key.replace('"""', '"')

    job = files.imported(f'{text}{key},kp,{key},{key},{key}\nQ-2\'s,kp,\'o,r\',"b ""c"""\n')

    found = warnings_of(files, job)
    columns = ("license__license_key", "order__store_id", "customer__reference")
    assert [(row, each["column"]) for row, each in found] == [(1, column) for column in columns]
    assert {(each["code"], each["value"]) for _, each in found} == {("quotes_in_value", kept)}


def test_a_quoted_cell_may_begin_with_a_blank_and_a_quote(files: Files) -> None:
    files.imported(f'{LICENSES},license__note\nQUO-1,kp," ""odd"" note"\n')

    (lic,) = files.shop.get("/licenses/").json()["results"]
    assert lic["note"] == ' "odd" note'


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("email;first_name;Tags (a, b, c, d)\na@x.test;Ana;x\n", ";"),
        ("email;\na@x.test;\n", ";"),
        ("email\tfirst_name\tA|B|C|D|E\na@x.test\tAna\tx\n", "\t"),
        ('email, "first_name"\na@x.test,Ana\n', ","),
    ],
)
def test_the_delimiter_is_the_one_that_finds_known_columns(
    files: Files, text: str, delimiter: str
) -> None:
    job = files.imported(text, "customers")

    assert (job.state, (job.detected or {})["delimiter"]) == ("succeeded", delimiter)
    assert emails(files) == {"a@x.test"}


@pytest.mark.parametrize(
    "header", ["email,first_name,", "email,first_name,,,", ",email,,first_name"]
)
def test_columns_without_a_name_are_ignored_wherever_they_are(files: Files, header: str) -> None:
    cells = [
        {"email": "a@x.test", "first_name": "Ana"}.get(name, "x") for name in header.split(",")
    ]

    job = files.imported(f"{header}\n{','.join(cells)}\n", "customers")

    assert (job.state, (job.detected or {})["unknown_columns"]) == ("succeeded", [])
    assert emails(files) == {"a@x.test"}


def test_a_doubled_byte_order_mark_is_no_part_of_a_header(files: Files) -> None:
    files.imported("\ufeff\ufeffemail,first_name\nana@acme.example,Ana\n", "customers")

    assert emails(files) == {"ana@acme.example"}


@pytest.mark.parametrize(
    "email",
    [
        *("<a@x.test>", "Ana <a@x.test>", "mailto:a@x.test", "a@x.test;", "a@x.test,b@x.test"),
        *("a@x..test", "a..b@x.test", ".a@x.test", "a.@x.test", "a@x.test.", "a@-x.test"),
        *("\u201ca@x.test\u201d", "\u00aba@x.test\u00bb", "\u2019a@x.test", "a\uff20x.test"),
        *("a@x.test\uff1b", "\uff1ca@x.test\uff1e", "a@x\uff0ftest"),
        *("'a@x.test'", "a@[127.0.0.1]", "a(b)@x.test", "a@x.te/st", "a@@x.test"),
    ],
)
def test_what_is_no_bare_address_is_refused(files: Files, email: str) -> None:
    job = files.imported(f'email,first_name\n"{email}",Ana\n', "customers")

    assert codes_of(files, job) == [("email", "invalid_value")]
    assert files.shop.post("/customers/", {"email": email}).status == 400


@pytest.mark.parametrize(
    "email", ["o'neil+x@x.test", "a@münchen.example", "a_b-c@x-y.test", "1@x.test"]
)
def test_addresses_that_people_have_are_taken(files: Files, email: str) -> None:
    files.imported(f"email\n{email}\n", "customers")

    assert emails(files) == {email}


@pytest.mark.parametrize(
    ("forms", "email"),
    [
        (
            ["a@stra\u00dfe.test", "a@xn--strae-oqa.test", "A@XN--STRAE-OQA.test"],
            "a@stra\u00dfe.test",
        ),
        (["a@x\u3002test", "a@x.test", "a@x\uff0etest", "a@\uff58.test"], "a@x.test"),
        (["a@xn--mnchen-3ya.test", "a@mu\u0308nchen.test"], "a@m\u00fcnchen.test"),
        (["a@xn--a.test", "a@XN--a.test"], "a@xn--a.test"),
    ],
)
def test_a_domain_has_one_form(files: Files, forms: list[str], email: str) -> None:
    job = files.imported("email\n" + "".join(f"{form}\n" for form in forms), "customers")

    assert (job.state, emails(files)) == ("succeeded", {email})
    for form in forms:
        assert files.shop.post("/customers/", {"email": form}).status == 409, form


@pytest.mark.parametrize("between", [0, 600])
def test_names_are_compared_in_one_unicode_form(files: Files, between: int) -> None:
    others = "".join(f"x{n}@x.test,X\n" for n in range(between))
    text = f"email,first_name\na@x.test,J\u00fcrgen\n{others}a@x.test,Ju\u0308rgen\n"

    job = files.imported(text, "customers")

    assert (job.state, counts(job, "existed_customers", "warnings")) == ("succeeded", [1, 0])
    again = files.imported("email,first_name\na@x.test,Ju\u0308rgen\n", "customers", "b.csv")
    assert counts(again, "existed_customers", "warnings") == [1, 0]


@pytest.mark.parametrize("name", ["#VIP!", "#1!", "#nofilter", "#TEAM?"])
def test_only_what_a_spreadsheet_writes_is_damage(files: Files, name: str) -> None:
    job = files.imported(f"{LICENSES},customer__company_name\nK-1,kp,{name}\n")

    assert job.state == "succeeded"


@pytest.mark.parametrize(
    "damage", ["#REF!", "#WERT!", "#¡VALOR!", "#N/D", "#NV", "Err:502", "####"]
)
def test_errors_of_spreadsheets_are_refused(files: Files, damage: str) -> None:
    job = files.imported(f"{LICENSES},customer__company_name\nK-1,kp,{damage}\n")

    assert codes_of(files, job) == [("customer__company_name", "invalid_value")]
