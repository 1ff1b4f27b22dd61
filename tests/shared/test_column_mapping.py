"""Mappings: which of them are refused, and that a mapped file is the same as a converted one."""

import csv
import io
import random
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from shared.column_mapping import (
    MOST_BYTES,
    ColumnMapping,
    RowMapping,
    mapping_faults,
    pinned,
    written_fault,
)
from shared.columns import KINDS
from shared.csv_format.dialect import Dialect, detect
from shared.csv_format.encoding import BadFile
from shared.csv_format.header import squeezed
from shared.csv_format.planner import plan
from shared.csv_format.reader import Record, records
from shared.import_header import check_header, detected
from shared.import_job import KINDS as JOB_KINDS
from shared.row_entries import Entry, Import, InvalidRecord, LicenseEntry
from shared.row_reader import identity_of, reader_of
from tests.shared.value_import import NOW, import_job, read_rows
from tests.shared.value_shop import ValueShop

OLD_SHOP = ColumnMapping(
    columns={"License Key": "license__license_key", "Kind": "license__license_type", "Info": None},
    constants={"product__short_code": "kp"},
    values={"license__license_type": {"lifetime": "perpetual", "*": "time-limited"}},
)


def faults(**fields: Any) -> list[tuple[str | None, str]]:
    """The faults of a mapping for licenses: their places and messages."""
    found = mapping_faults(ColumnMapping.model_validate(fields), "licenses", ("mapping",))
    return [(each.pointer, each.message) for each in found]


def planned(text: str, mapping: ColumnMapping, kind: str = "licenses") -> Dialect:
    job = import_job(next(each for each in JOB_KINDS if each == kind))
    return plan(
        [text.encode()],
        required=mapping.required(kind),
        known=KINDS[kind].columns,
        mapped=mapping.headers,
        accept=lambda dialect: check_header(job, dialect, mapping),
    ).dialect


def entries(
    text: str, mapping: ColumnMapping, kind: str = "licenses"
) -> tuple[Dialect, list[Entry | InvalidRecord]]:
    """The entries of the rows of a file, and its dialect."""
    dialect = planned(text, mapping, kind)
    shop = ValueShop().products
    job = Import("acme", 7, kind, NOW, shop, dates=mapping.dates or "iso", mapping=mapping)
    read = reader_of(job, dialect)
    data = text.encode()[dialect.body_start :]
    return dialect, [read(row) for row in records(data, dialect, first_row=1, first_line=2)]


def test_a_usable_mapping_has_no_faults() -> None:
    assert mapping_faults(OLD_SHOP, "licenses") == []
    assert mapping_faults(ColumnMapping(), "customers") == []


@pytest.mark.parametrize(
    ("fields", "pointer", "message"),
    [
        (
            {"columns": {"Key": "license__key"}},
            "/mapping/columns/Key",
            "there is no column license__key in files of licenses; did you mean",
        ),
        (
            {"columns": {"A": "license__note", "B/C": "license__note"}},
            "/mapping/columns/B~1C",
            "'A' and 'B/C' are both license__note",
        ),
        ({"columns": {"E-Mail": None, "email ": None}}, "/mapping/columns/email ", "'E-Mail'"),
        ({"columns": {" - ": None}}, "/mapping/columns/ - ", "must name a header"),
        ({"columns": {"_Codes": None}}, "/mapping/columns/_Codes", "of failed.csv"),
        ({"constants": {"color": "red"}}, "/mapping/constants/color", "no column color"),
        (
            {"columns": {"A": "license__note"}, "constants": {"license__note": "x"}},
            "/mapping/constants/license__note",
            "has a constant, and 'A' is mapped to it",
        ),
        ({"constants": {"license__note": " "}}, "/mapping/constants/license__note", "not be blank"),
        (
            {"constants": {"license__license_type": "forever"}},
            "/mapping/constants/license__license_type",
            "must be one of",
        ),
        ({"values": {"color": {}}}, "/mapping/values/color", "no column color"),
        (
            {"constants": {"license__note": "x"}, "values": {"license__note": {"a": "b"}}},
            "/mapping/values/license__note",
            "has a constant",
        ),
        (
            {"values": {"license__note": {"a": "b", " a ": "c"}}},
            "/mapping/values/license__note/ a ",
            "is the same value as 'a'",
        ),
        (
            {"values": {"license__max_activations": {"five": "5 pieces"}}},
            "/mapping/values/license__max_activations/five",
            "must be a whole number",
        ),
        ({"kind": "customers"}, "/mapping/kind", "for customers, and the file is of licenses"),
    ],
)
def test_a_fault_of_a_mapping_names_its_place(
    fields: dict[str, Any], pointer: str, message: str
) -> None:
    ((where, what),) = faults(**fields)

    assert where == pointer
    assert message in what


def test_all_faults_of_a_mapping_are_found_at_once() -> None:
    found = faults(
        columns={"A": "nothing"}, constants={"nowhere": "1"}, values={"never": {"a": "b"}}
    )

    assert [where for where, _ in found] == [
        "/mapping/columns/A",
        "/mapping/constants/nowhere",
        "/mapping/values/never",
    ]


def test_a_mapping_has_at_most_64_kb() -> None:
    header = "x" * (MOST_BYTES - len('{"columns":{"":null}}'))

    assert faults(columns={header: None}) == []
    assert "at most 65536 bytes as JSON" in faults(columns={f"{header}y": None})[0][1]


def test_equal_mappings_are_stored_equally() -> None:
    one = ColumnMapping(columns={"A": "license__note", "B": None})
    other = ColumnMapping(columns={"B": None, "A": "license__note"})

    assert pinned(one) == pinned(other)
    assert ColumnMapping.model_validate_json(pinned(one).content) == one


def test_a_mapped_row_has_our_columns_and_values() -> None:
    text = "LICENSE-key,Kind,Info\nK-1,lifetime,x\nK-2, yearly ,\n"

    dialect, (first, second) = entries(text, OLD_SHOP)

    assert dialect.names == ("license__license_key", "license__license_type", "")
    assert (first.key, first.model.license_type) == ("K-1", "perpetual")  # type: ignore[union-attr]
    assert isinstance(second, InvalidRecord)  # a time-limited license needs its end
    assert second.record.fields == ["K-2", " yearly ", ""]


def test_a_fault_names_the_column_and_the_value_of_the_file() -> None:
    mapping = OLD_SHOP.model_copy(update={"values": {"license__license_type": {"x": "perpetual"}}})

    dialect, (row,) = entries("License Key,Kind\nK-1,lifelong\n", mapping)

    assert isinstance(row, InvalidRecord)
    (fault,) = [written_fault(each, mapping, dialect, row.record.fields) for each in row.faults]
    assert (fault["column"], fault["value"]) == ("Kind", "lifelong")


def test_swapped_columns_are_named_once() -> None:
    mapping = ColumnMapping(columns={"email": "reference", "reference": "email"})

    dialect, (row,) = entries("email,reference\nR-1,nobody\n", mapping, "customers")

    assert isinstance(row, InvalidRecord)
    (fault,) = [written_fault(each, mapping, dialect, row.record.fields) for each in row.faults]
    assert (fault["column"], fault["value"]) == ("reference", "nobody")


def test_a_row_without_any_value_has_no_constants() -> None:
    mapping = ColumnMapping(constants={"country": "DE"})

    _, (row,) = entries("email,color\n,red\n", mapping, "customers")

    assert isinstance(row, InvalidRecord)
    assert [fault["code"] for fault in row.faults] == ["blank_row"]


@pytest.mark.parametrize(
    ("cell", "value"),
    [("", "none"), (" \u200b", "none"), (" a ", "A"), ("u\u0308", "UE"), ("b", "other")],
)
def test_a_value_is_compared_without_what_is_not_seen(cell: str, value: str) -> None:
    values = {"": "none", "a": "A", "\u00fc": "UE", "*": "other"}
    mapping = ColumnMapping(values={"city": values})

    _, (row,) = entries(f"email,city\na@x.test,{cell}\n", mapping, "customers")

    assert row.customer.city == value  # type: ignore[union-attr]


def test_a_blank_cell_stays_blank_without_a_value_for_it() -> None:
    mapping = ColumnMapping(values={"city": {"*": "other"}})

    _, (row,) = entries("email,city\na@x.test,\n", mapping, "customers")

    assert row.customer.city is None  # type: ignore[union-attr]


def test_a_header_that_is_mapped_or_left_out_is_not_similar_to_any() -> None:
    mapping = ColumnMapping(columns={"emial": "email", "Vornamen": None, "Vorname": None})

    dialect = planned("emial,Vorname\n", mapping, "customers")

    assert dialect.names == ("email", "")
    about = detected(import_job("customers"), dialect, mapping)
    assert about["suggested"] == {}
    assert about["unknown_columns"] == ["Vorname"]
    assert [each["code"] for each in about["warnings"]] == []


def test_a_known_column_can_be_left_out() -> None:
    mapping = ColumnMapping(columns={"phone": None})

    _, (row,) = entries("email,phone\na@x.test,123\n", mapping, "customers")

    assert row.customer.phone is None  # type: ignore[union-attr]


def test_a_column_with_a_constant_that_the_file_has_too_is_refused() -> None:
    mapping = ColumnMapping(constants={"country": "DE"})

    with pytest.raises(BadFile, match="header 'Country' is the column country") as caught:
        planned("email,Country\na@x.test,FR\n", mapping, "customers")

    assert caught.value.code == "duplicate_header"


def test_two_sources_of_one_column_are_refused() -> None:
    mapping = ColumnMapping(columns={"Mail": "email"})

    with pytest.raises(BadFile, match="'Mail' and 'email' are the same column") as caught:
        planned("Mail,email\n", mapping, "customers")

    assert caught.value.code == "duplicate_header"


def test_required_columns_are_checked_after_mapping() -> None:
    with pytest.raises(BadFile) as caught:
        planned("Key,Info\n", ColumnMapping(columns={"Info": None}))

    assert caught.value.code == "missing_header"
    assert caught.value.suggested == {"Key": "license__license_key"}
    assert planned("License Key,Kind\n", OLD_SHOP).names[0] == "license__license_key"


def test_a_mapped_header_that_the_file_lacks_is_a_warning() -> None:
    dialect = planned("License Key\n", OLD_SHOP)

    about = detected(import_job(), dialect, OLD_SHOP)

    found = [(each["code"], each["column"]) for each in about["warnings"]]
    assert found == [("mapped_column_missing", "Kind")]


def test_the_columns_of_failed_csv_are_not_mapped() -> None:
    mapping = ColumnMapping(columns={"Row": "reference", "Codes": "city"})

    dialect = planned("email,Row,Codes,_row,_codes,_messages\n", mapping, "customers")

    assert dialect.names[1:] == ("reference", "city", "_row", "_codes", "_messages")


def test_a_mapping_without_values_reads_rows_as_they_are() -> None:
    mapping = ColumnMapping(columns={"Mail": "email"})

    rows = RowMapping(mapping, planned("Mail\n", mapping, "customers"), "customers")

    assert rows.is_plain


SAMPLES: Mapping[str, Sequence[str]] = {
    "license__license_key": ("K-1", "K-2", " K 3", "#REF!", ""),
    "product__short_code": ("kp", "up", "KP", ""),
    "license__license_type": ("perpetual", "time-limited", "forever", ""),
    "license__valid_duration": ("1y", "\\N", "1w", ""),
    "license__max_activations": ("2", "5,0", "-1", ""),
    "license__validity_period": ("2030-01-31", "31.12.2030", "13/31/2030", ""),
    "license__note": ("moved", "'A'", "", "\ufeff"),
    "customer__email": ("a@x.test", "nobody", "B@X.test", ""),
    "order__store_id": ("o-1", "o-2", ""),
    "email": ("a@x.test", "no", ""),
    "first_name": ("Ana", ""),
    "city": ("Ort", "#VIP!", ""),
    "reference": ("r-1", "r-1 ", ""),
    "license_key": ("K-1", "K-2", ""),
    "code": ("credits", "none", ""),
    "max_consumption": ("5", "5,0", "x", ""),
    "expiry_date": ("2030-01-31", "31.12.2030", ""),
}


def random_case(random_: random.Random) -> tuple[str, ColumnMapping, str, str]:
    """A kind, a mapping, a file, and the same file as converted by hand."""
    kind = random_.choice([*KINDS])
    wanted = [*KINDS[kind].required, *(each for each in KINDS[kind].columns if each in SAMPLES)]
    columns = [*dict.fromkeys(wanted)]
    constants = {}
    for column in random_.sample(columns, random_.randint(0, 2)):
        constants[column] = SAMPLES[column][0]
    own = [each for each in columns if each not in constants and random_.random() < 0.9]
    own += [each for each in KINDS[kind].required if each not in {*own, *constants}]
    own = own or [columns[0]]
    constants = {name: value for name, value in constants.items() if name not in own}
    random_.shuffle(own)
    headers = {
        each: f"Spalte {at}" if random_.random() < 0.7 else each for at, each in enumerate(own)
    }
    values: dict[str, dict[str, str]] = {}
    for column in own:
        if random_.random() < 0.5:
            ours = [SAMPLES[column][0], ""]
            values[column] = {f"v{n}": random_.choice(ours) for n in range(3)}
            if random_.random() < 0.5:
                values[column]["*"] = random_.choice(ours)
            if random_.random() < 0.5:
                values[column][""] = random_.choice(ours)
    dates = random_.choice(["iso", "dmy", "mdy", None])
    rename = {headers[each]: each for each in own if headers[each] != each}
    extra = random_.random() < 0.5
    if extra:
        rename["Left Out"] = None  # type: ignore[assignment]
    mapping = ColumnMapping.model_validate(
        {"columns": rename, "constants": constants, "values": values, "dates": dates}
    )
    theirs, ours_file = io.StringIO(), io.StringIO()
    one, other = csv.writer(theirs), csv.writer(ours_file)
    one.writerow([*(headers[each] for each in own), *(["Left Out"] if extra else [])])
    other.writerow([*own, *constants, "color"])
    for _ in range(8):
        cells = {
            each: random_.choice([*SAMPLES[each], *("v0", "v1", " v2 ", "v9")]) for each in own
        }
        one.writerow([*cells.values(), *(["x"] if extra else [])])
        converted = {each: by_hand(cells[each], values.get(each, {})) for each in own}
        fixed = constants
        if not any(cell.strip("\ufeff ") for cell in cells.values()):
            converted, fixed = cells, dict.fromkeys(constants, "")
        is_row = extra or converted is not cells
        other.writerow([*converted.values(), *fixed.values(), "x" if is_row else ""])
    return kind, mapping, theirs.getvalue(), ours_file.getvalue()


def by_hand(cell: str, values: Mapping[str, str]) -> str:
    name = cell.strip("\ufeff ")
    if not name:
        return values.get("", cell)
    return values.get(name, values.get("*", cell))


def test_a_mapped_file_is_the_same_as_a_file_converted_by_hand() -> None:
    """500 random mappings and files, of all kinds."""
    rows = valid = 0
    for seed in range(500):
        kind, mapping, theirs, ours = random_case(random.Random(seed))
        assert mapping_faults(mapping, kind) == [], seed
        plain = ColumnMapping(dates=mapping.dates, columns={"color": None})

        _, mapped = entries(theirs, mapping, kind)
        _, converted = entries(ours, plain, kind)

        assert [same(row) for row in mapped] == [same(row) for row in converted], seed
        rows += len(mapped)
        valid += sum(not isinstance(row, InvalidRecord) for row in mapped)
    assert rows > 2_000
    assert valid > 200


def same(row: Entry | InvalidRecord) -> object:
    """What is equal for a mapped row and the converted one: all but its cells."""
    if isinstance(row, InvalidRecord):
        faults = sorted(row.faults, key=lambda fault: str(fault["column"]))
        return [row.record.row, *faults]
    return row._replace(record=row.record._replace(fields=[]))


def test_rows_are_named_by_their_mapped_values() -> None:
    mapping = OLD_SHOP.model_copy(update={"values": {"license__license_key": {"a": "K-1"}}})
    dialect = planned("License Key\na\n", mapping)
    job = Import("acme", 7, "licenses", NOW, ValueShop().products, mapping=mapping)
    (row,) = records(b"a\n", dialect, first_row=1, first_line=2)

    assert identity_of(job, dialect)(row) == "K-1"


def test_headers_of_a_mapping_are_compared_as_those_of_files() -> None:
    assert OLD_SHOP.headers[squeezed("LICENSE_KEY")] == "license__license_key"


CUSTOM = "license__license_key,product__short_code,license__custom__Seats,License__Custom__color\n"


def custom_fields(text: str, **options: Any) -> list[dict[str, Any]]:
    (entry,) = read_rows(text, **options)
    assert isinstance(entry, LicenseEntry), entry
    return [each.model_dump() for each in entry.model.custom_fields]


def test_columns_of_custom_fields_keep_the_names_of_their_headers() -> None:
    assert custom_fields(CUSTOM + "K-1,kp, 5 ,green\n") == [
        {"name": "Seats", "value": "5"},
        {"name": "color", "value": "green"},
    ]
    assert custom_fields(CUSTOM + "K-1,kp,,green\n") == [{"name": "color", "value": "green"}]
    assert custom_fields(CUSTOM + "K-1,kp,,\n") == []


def test_a_long_value_of_a_custom_field_is_a_fault_of_the_row() -> None:
    (entry,) = read_rows(f"{CUSTOM}K-1,kp,{'x' * 1001},\n")

    assert isinstance(entry, InvalidRecord)
    assert {fault["column"] for fault in entry.faults} == {"license__custom_fields"}


def test_a_header_is_mapped_to_a_custom_field() -> None:
    columns = {"Seats": "license__custom__Plätze"}
    mapping = ColumnMapping(columns=columns, constants={"license__note": "moved"})
    dialect = detect(
        b"license__license_key,product__short_code,Seats\n",
        required=KINDS["licenses"].required,
        known=KINDS["licenses"].columns,
        mapped=mapping.headers,
    )

    row = RowMapping(mapping, dialect, "licenses")

    assert mapping_faults(mapping, "licenses") == []
    assert row.dialect.names[-2:] == ("license__note", "license__custom_fields")
    record = row.record(Record(1, 2, ["K-1", "kp", "7"], None))
    assert record.fields[-2:] == ["moved", '[{"name": "Plätze", "value": "7"}]']


@pytest.mark.parametrize(
    ("kind", "target"),
    [("licenses", "license__custom__"), ("customers", "license__custom__seats")],
)
def test_a_custom_field_has_a_name_and_is_of_a_license(kind: str, target: str) -> None:
    mapping = ColumnMapping(columns={"Seats": target})

    assert [fault.field for fault in mapping_faults(mapping, kind)] == ["columns.Seats"]
