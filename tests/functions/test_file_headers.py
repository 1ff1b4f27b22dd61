"""Spellings of headers, and what is detected of a file: encoding, columns, warnings."""

from typing import Any

import pytest

from shared.import_job import ImportJob
from shared.store import uploads
from tests.functions.import_files import Files, counts
from tests.functions.importer import Importer, form, part
from tests.grants.recorder import outside

LICENSES = "license__license_key,product__short_code"


@pytest.fixture(autouse=True)
def small_chunks(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMPORT_CHUNK_BYTES", "100")


def customers(files: Files) -> list[dict[str, Any]]:
    return list(files.shop.get("/customers/").json()["results"])


def warnings(job: ImportJob) -> list[str]:
    return [warning["code"] for warning in (job.detected or {})["warnings"]]


def refusal(job: ImportJob) -> tuple[str, str | None]:
    assert job.refusal is not None, job
    assert job.state == "failed"
    return job.refusal.code, job.refusal.column


def sent(files: Files, text: str | bytes, kind: str = "customers", query: str = "") -> ImportJob:
    """A file that comes by the published form."""
    data = text if isinstance(text, bytes) else text.encode()
    importer = Importer(files.shop.company, files.shop.key)
    reply = importer.send(form(part(data)), kind, query=query)
    assert reply.status == 200, reply.text
    job = files.last()
    with outside():
        version = uploads.client().head_object(Bucket=job.bucket, Key=job.key)["VersionId"]
    found = {"key": job.key, "size": len(data), "versionId": version}
    files.run({"Records": [{"s3": {"bucket": {"name": job.bucket}, "object": found}}]})
    return files.last()


@pytest.mark.parametrize(
    "header",
    [
        *("E-Mail,First Name", "EMAIL,FirstName", "e_mail,first-name", "E Mail,first  name"),
        *("\u200bemail,first\u00adname", "\u00a0Email,FIRST\u00a0NAME", "e\u2060mail,first_name_"),
    ],
)
def test_a_header_is_known_however_it_is_spelled(files: Files, header: str) -> None:
    job = files.imported(f"{header}\nana@x.test,Ana\n", "customers")

    (customer,) = customers(files)
    assert (job.state, customer["email"], customer["first_name"]) == (
        "succeeded",
        "ana@x.test",
        "Ana",
    )
    assert ((job.detected or {})["unknown_columns"], warnings(job)) == ([], [])


def test_an_error_names_the_column_as_the_file_spells_it(files: Files) -> None:
    job = files.imported("E-Mail,First Name\nnobody,Ana\n", "customers")

    (row,) = files.errors(job)
    assert row["errors"][0]["column"] == "E-Mail"
    assert row["data"] == {"E-Mail": "nobody", "First Name": "Ana"}
    again = files.imported(files.failed_csv(job).replace("nobody", "ana@x.test"), "customers")
    assert (again.state, customers(files)[0]["email"]) == ("succeeded", "ana@x.test")


@pytest.mark.parametrize("header", ["email,E-Mail", "First Name,first_name", "email,EMAIL"])
def test_two_headers_of_one_column_are_refused(files: Files, header: str) -> None:
    job = files.imported(f"{header}\na,b\n", "customers")

    assert refusal(job) == ("duplicate_header", header.partition(",")[2])
    assert all(name in (job.refusal.message if job.refusal else "") for name in header.split(","))


@pytest.mark.parametrize(
    ("header", "column", "meant"),
    [
        ("Email Address,first_name", "Email Address", "email"),
        ("first_name,Customer E-Mail", "Customer E-Mail", "email"),
        ("emial,first_name", "emial", "email"),
        ("emai,first_name", "emai", "email"),
        ("e-mails,first_name", "e-mails", "email"),
        ("email,frist_name", "frist_name", "first_name"),
        ("email,Company", "Company", "company_name"),
        ("email,Contry", "Contry", "country"),
    ],
)
def test_a_column_that_is_nearly_known_stops_an_import(
    files: Files, header: str, column: str, meant: str
) -> None:
    data = f"{header}\nana@x.test,b@x.test\n"

    for job in (files.imported(data, "customers"), files.requested(data, "customers")):
        assert refusal(job) == ("unmapped_columns", column)
        message = job.refusal.message if job.refusal else ""
        assert f"{column!r} is not known and is similar to {meant}" in message
        assert "unknown_columns=ignore" in message
    assert customers(files) == []
    ignored = files.requested(data, "customers", unknown_columns="ignore")
    assert ignored.state in ("succeeded", "completed_with_errors")
    assert "similar_column" in warnings(ignored)
    assert (ignored.detected or {})["unknown_columns"] == [column]


@pytest.mark.parametrize(
    ("header", "meant"),
    [
        (f"{LICENSES},Max Activations", "license__max_activations"),
        (f"{LICENSES},license__max_activatons", "license__max_activations"),
        (f"{LICENSES},licence__note", "license__note"),
        (f"{LICENSES},Is Trial", "license__is_trial or order__is_trial"),
        (f"{LICENSES},Email Address", "customer__email"),
        (f"{LICENSES},license__validity", "license__validity_period"),
        (f"{LICENSES},License Subscription", "license__subscription_id"),
        (f"{LICENSES},order__id", "order__store_id or order__download_id"),
        (f"{LICENSES},'customer__email'", "customer__email"),
        (f"{LICENSES},[license__note]", "license__note"),
        (f"{LICENSES},<Is Floating>!", "license__is_floating"),
    ],
)
def test_a_license_column_that_is_nearly_known_stops_an_import(
    files: Files, header: str, meant: str
) -> None:
    job = files.imported(f"{header}\nK-1,kp,x\n")

    assert refusal(job) == ("unmapped_columns", header.split(",")[2])
    assert f"similar to {meant}, which" in (job.refusal.message if job.refusal else "")


@pytest.mark.parametrize(
    "header",
    [
        "email,first_name,Email Address",  # the column is there
        "email,Newsletter,Created at,Tags,Id,VAT number",
        "email,Name",  # first, last or company: no telling
        "email,Billing address line 1,Postal address (old)",
        "email,fax,vat,web,age,mode",
        "email,(Tags),'Newsletter',[id]",
    ],
)
def test_a_column_that_is_just_unknown_stops_nothing(files: Files, header: str) -> None:
    cells = ["a@x.test", *["x"] * header.count(",")]

    job = files.imported(f"{header}\n{','.join(cells)}\n", "customers")

    assert (job.state, warnings(job)) == ("succeeded", [])


def test_a_required_column_that_is_misspelled_is_named(files: Files) -> None:
    job = files.imported("License Key,Product Short Code\nK-1,kp\n")

    assert refusal(job) == ("missing_header", "license__license_key")
    message = job.refusal.message if job.refusal else ""
    assert "Rename or map 'License Key' if it is license__license_key." in message


def test_the_published_form_goes_on_and_warns(files: Files) -> None:
    text = "Email Address,First Name,company_name\nana@acme.example,Ana,Acme\n"

    job = sent(files, text)

    assert job.state == "succeeded"
    assert warnings(job) == ["no_email_column", "similar_column"]
    assert [each["first_name"] for each in customers(files)] == ["Ana"]
    result = files.shop.get(f"/customers-import-results/{job.number}/").json()
    assert result["detected"]["warnings"][1]["column"] == "Email Address"
    assert refusal(sent(files, text, query="unknown_columns=check"))[0] == "unmapped_columns"


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("customers", "first_name\nAna\n", ["no_email_column"]),
        ("customers", "email,first_name\n,Ana\n", []),
        ("licenses", f"{LICENSES},customer__first_name\nK-1,kp,Ana\n", ["no_email_column"]),
        ("licenses", f"{LICENSES}\nK-1,kp\n", []),
    ],
)
def test_a_file_of_customers_without_email_says_so(
    files: Files, kind: str, text: str, expected: list[str]
) -> None:
    job = files.imported(text, kind)

    assert (job.state, warnings(job)) == ("succeeded", expected)


def test_a_dropped_file_of_excel_is_read(files: Files) -> None:
    job = files.imported("email;first_name\na@x.test;Jürgen €\n".encode("cp1252"), "customers")

    assert customers(files)[0]["first_name"] == "Jürgen €"
    assert (job.state, job.encoding, warnings(job)) == ("succeeded", None, ["encoding_assumed"])
    assert (job.detected or {})["encoding"] == "windows-1252"


def run(
    files: Files,
    monkeypatch: pytest.MonkeyPatch,
    by_machine: bool,
    text: str,
    kind: str,
    **options: Any,
) -> ImportJob:
    """Import a file with options, in one invocation or by the state machine."""
    event = files.prepared(text, kind, **options)
    if by_machine:
        monkeypatch.setenv("IMPORT_INLINE_BYTES", "10")
    files.run(event)
    if by_machine:
        files.by_machine()
    return files.last()


@pytest.mark.parametrize("by_machine", [False, True])
def test_utf8_is_read_as_such_whatever_is_requested(
    files: Files, monkeypatch: pytest.MonkeyPatch, by_machine: bool
) -> None:
    text = "email,first_name\n" + "a@x.test,Ana\n" * 3 + "juergen@x.test,Jürgen\n"

    job = run(files, monkeypatch, by_machine, text, "customers", encoding="windows-1252")

    assert {each["first_name"] for each in customers(files)} == {"Ana", "Jürgen"}
    assert (job.encoding, (job.detected or {})["encoding"]) == ("windows-1252", "utf-8")
    assert warnings(job) == ["encoding_differs"]


def test_a_large_file_in_windows_1252_is_read_by_its_workers(files: Files) -> None:
    files.patch.setenv("IMPORT_INLINE_BYTES", "10")
    rows = "".join(f"a{n}@x.test,{'Ana' if n < 20 else 'Jürgen'}\n" for n in range(30))
    files.run(files.drop(f"email,first_name\n{rows}".encode("cp1252"), "customers"))

    files.by_machine()

    assert counts(files.last(), "created_customers") == [30]
    names = [
        each["first_name"] for each in files.shop.get("/customers/", "limit=100").json()["results"]
    ]
    assert sorted(names) == ["Ana"] * 20 + ["Jürgen"] * 10


def test_a_file_in_two_encodings_writes_nothing(files: Files) -> None:
    data = "email,first_name\na@x.test,Jürgen\n".encode() + "b@x.test,Jürgen\n".encode("cp1252")

    job = files.imported(data, "customers")

    assert refusal(job) == ("undecodable", None)
    assert (job.refusal.line if job.refusal else 0) == 3
    assert customers(files) == []
    chosen = files.imported(data, "customers", metadata={"encoding": "Windows-1252"})
    assert (chosen.state, chosen.encoding) == ("succeeded", "windows-1252")


def test_the_options_of_a_dropped_file_are_metadata_of_its_object(files: Files) -> None:
    text = b"Email Address,first_name\nx,Ana\n"

    metadata = {"unknown-columns": "ignore", "mtime": "1764100000"}
    job = files.imported(text, "customers", metadata=metadata)

    assert (job.state, job.unknown_columns, warnings(job)) == (
        "succeeded",
        "ignore",
        ["no_email_column", "similar_column"],
    )


@pytest.mark.parametrize("by_machine", [False, True])
def test_dates_are_read_as_the_option_of_the_import_says(
    files: Files, monkeypatch: pytest.MonkeyPatch, by_machine: bool
) -> None:
    header = "license__license_key;product__short_code;license__validity_period;license__prevent_vm"
    text = f"{header}\nK-1;kp;31.12.2031;Ja\nK-2;kp;2031-12-31;nein\nK-3;kp;12/31/2031;WAHR\n"

    job = run(files, monkeypatch, by_machine, text, "licenses", dates="dmy")

    assert (job.state, job.dates, job.counts["valid_row_count"]) == (
        "completed_with_errors",
        "dmy",
        2,
    )
    found = files.shop.get("/licenses/").json()["results"]
    assert {(each["license_key"], each["validity_period"][:10]) for each in found} == {
        ("K-1", "2031-12-31"),
        ("K-2", "2031-12-31"),
    }
    (invalid,) = files.errors(job)
    assert invalid["data"]["license__validity_period"] == "12/31/2031"
    assert (
        "although the file is imported with the dates 'Day, month, year' (dates=dmy)"
        in invalid["errors"][0]["message"]
    )


def test_dropped_files_say_by_metadata_how_they_write_dates(files: Files) -> None:
    text = "license_key,code,expiry_date\nnone,none,31.12.2031\n"

    job = files.imported(text, "license-features")
    chosen = files.imported(text, "license-features", metadata={"dates": "mdy"})

    def message(of: ImportJob) -> str:
        (row,) = files.errors(of)
        return str(row["errors"][0]["message"])

    assert "choose the dates 'Day, month, year' (dates=dmy)" in message(job)
    assert chosen.dates == "mdy"
    assert "imported with the dates 'Month, day, year' (dates=mdy)" in message(chosen)


@pytest.mark.parametrize("name", ["encoding", "unknown-columns", "dates"])
def test_an_option_that_is_not_supported_stops_a_dropped_file(files: Files, name: str) -> None:
    job = files.imported("email\na@x.test\n", "customers", metadata={name: "latin1"})

    assert refusal(job) == ("invalid_metadata", None)
    message = job.refusal.message if job.refusal else ""
    assert f"x-amz-meta-{name}: 'latin1'; supported: " in message
    assert customers(files) == []


@pytest.mark.parametrize("name", ["job-7/a.csv", "job-1/a.csv", "job-99/sub/b.CSV"])
def test_a_file_in_the_folder_of_another_import_is_refused(files: Files, name: str) -> None:
    """Such as a copy of a bucket: what was a dry run elsewhere must not write here."""
    files.prepared("license__license_key,product__short_code\nK-1,kp\n", dry_run=True)

    job = files.imported("email\na@x.test\n", "customers", name)

    assert (job.state, refusal(job)) == ("failed", ("reserved_folder", None))
    assert customers(files) == []


def test_object_metadata_of_a_requested_upload_changes_nothing(files: Files) -> None:
    files.prepared("email\na@x.test\n", "customers")
    job = files.last()
    name = job.key.split("/", 2)[2]
    event = files.drop("email\na@x.test\n", "customers", name, {"encoding": "x"})

    files.run(event)

    assert files.last().state == "succeeded"


def test_lines_of_an_address_become_one_line(files: Files) -> None:
    cells = '"Street 1\r\n Town",\u2028Main\u2028St\u2028,"12\n\n34"'
    shop = files.shop

    files.imported(f"email,company_name,city,postcode\na@x.test,{cells}\n", "customers")
    shop.post("/customers/", {"email": "b@x.test", "company_name": "Acme\nLtd", "city": "A\tB"})
    shop.post("/customers/", {"email": "c@x.test", "company_name": "Acme\r\n  Ltd "})

    found = {each["email"]: each for each in customers(files)}
    assert found["a@x.test"]["company_name"] == "Street 1 Town"
    assert (found["a@x.test"]["city"], found["a@x.test"]["postcode"]) == ("Main St", "12 34")
    assert found["c@x.test"]["company_name"] == "Acme Ltd"
    assert "b@x.test" not in found  # a tab is refused, as before


@pytest.mark.parametrize("column", ["license__license_key", "order__store_id", "customer__email"])
def test_a_line_break_inside_an_identifier_is_refused(files: Files, column: str) -> None:
    cells = {"license__license_key": "K-1", "product__short_code": "kp", column: '"a@\nb"'}

    job = files.imported(f"{','.join(cells)}\n{','.join(cells.values())}\n")

    ((row),) = files.errors(job)
    assert [fault["column"] for fault in row["errors"]] == [column]
