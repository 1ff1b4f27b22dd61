"""Small value types: valid values, and messages for invalid ones."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from shared.customers import OptionalEmail
from shared.licenses import OptionalCode, OptionalKey, OptionalUser
from shared.orders import OrderId
from shared.stored_json import stored_number
from shared.values import (
    Duration,
    Email,
    Flag,
    LicenseKey,
    MaintenanceDuration,
    Metadata,
    Number,
    OptionalDay,
    OptionalMoment,
    Period,
    StoreId,
    Title,
    drawn,
    record_id,
    record_ids,
)


def read(type_: Any, value: Any) -> Any:
    return TypeAdapter(type_).validate_python(value)


def refusal(type_: Any, value: Any) -> str:
    with pytest.raises(ValidationError) as refused:
        read(type_, value)
    return refused.value.errors()[0]["msg"]


@settings(deadline=None)
@given(st.text(), st.sampled_from(["order", "license", "user"]), st.integers(0, 5))
def test_an_id_has_16_digits_and_is_safe_in_javascript(name: str, kind: str, attempt: int) -> None:
    id = record_id("acme", kind, name.encode(errors="ignore").decode(), attempt=attempt)

    assert 10**15 <= id < 2**53


def test_an_id_is_of_company_kind_name_and_attempt() -> None:
    ids = [
        record_id("acme", "order", "a"),
        record_id("globex", "order", "a"),
        record_id("acme", "license", "a"),
        record_id("acme", "order", "b"),
        record_id("acme", "order", "a", "b"),
        record_id("acme", "order", "a", attempt=1),
    ]

    assert len(set(ids)) == len(ids)
    assert record_id("acme", "order", "a") == ids[0]


@given(st.lists(st.tuples(st.text(st.characters(exclude_categories=["Cs"])), st.integers(0, 9))))
def test_ids_of_many_names_are_those_of_each(names: list[tuple[str, int]]) -> None:
    one_by_one = [record_id("acme", "license", name, attempt=n) for name, n in names]

    assert record_ids("acme", "license", names) == one_by_one


@settings(deadline=None)
@given(st.binary(min_size=32, max_size=32), st.text("ab/", max_size=9), st.integers(1, 240))
def test_what_is_drawn_from_one_seed_is_the_same(seed: bytes, label: str, length: int) -> None:
    first, second = (drawn(seed, label, length, "0123456789ABCDEF") for _ in range(2))

    assert first == second
    assert len(first) == length
    assert set(first) <= set("0123456789ABCDEF")


def test_another_seed_or_label_draws_something_else() -> None:
    seed, other = b"a" * 32, b"b" * 32

    texts = {drawn(s, label, 16, "0123456789") for s in (seed, other) for label in ("x", "y")}

    assert len(texts) == 4


def test_every_letter_is_drawn_about_as_often() -> None:
    text = drawn(b"a" * 32, "x", 31_000, "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"[:31])

    counts = [text.count(letter) for letter in set(text)]

    assert len(counts) == 31
    assert min(counts) > 850
    assert max(counts) < 1150


@pytest.mark.parametrize("text", ["1y", "12m", "99999d", "4h", "5min"])
def test_a_duration_is_a_number_and_a_unit(text: str) -> None:
    assert read(Duration, text) == text


@pytest.mark.parametrize(("weeks", "days"), [("1w", "7d"), ("2w", "14d"), ("9999w", "69993d")])
def test_weeks_are_stored_as_days(weeks: str, days: str) -> None:
    assert read(Duration, weeks) == read(MaintenanceDuration, weeks) == days


@pytest.mark.parametrize("value", [True, "true", 1])
def test_a_flag_is_read_in_every_published_spelling(value: Any) -> None:
    assert read(Flag, value) is True


@pytest.mark.parametrize("value", [False, "false", 0])
def test_a_flag_that_is_off_is_read_in_every_published_spelling(value: Any) -> None:
    assert read(Flag, value) is False


@pytest.mark.parametrize("value", ["yes", "True", "1", 2, -1, "", [], {}])
def test_what_is_no_flag_is_refused(value: Any) -> None:
    assert refusal(Flag, value)


@pytest.mark.parametrize(
    "text",
    ["1Y", "0d", "-1d", "1y2m", "5x", "1y\n", " 1y", "\u0661y", "01d", "", "10000w", "0w", "1W"],
)
def test_a_duration_of_another_form_is_refused(text: str) -> None:
    assert "such as 1y" in refusal(Duration, text)


@pytest.mark.parametrize("text", ["4h", "5min"])
def test_maintenance_is_not_counted_in_hours(text: str) -> None:
    assert "y, m, d" in refusal(MaintenanceDuration, text)


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ("2026-03-12", datetime(2026, 3, 12, tzinfo=UTC)),
        ("2026-3-2 22:13:01", datetime(2026, 3, 2, 22, 13, 1, tzinfo=UTC)),
        ("2026-03-12T08:00:00+02:00", datetime(2026, 3, 12, 6, tzinfo=UTC)),
        ("2026-03-12 08:00:00 UTC", datetime(2026, 3, 12, 8, tzinfo=UTC)),
        ("2026-03-12T08:00:00.25Z", datetime(2026, 3, 12, 8, 0, 0, 250_000, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", None),
        ("0000-00-00", None),
        ("0000-00-00 00:00:00", None),
        ("", None),
        (None, None),
    ],
)
def test_a_moment_is_in_utc_or_unset(sent: str | None, meant: datetime | None) -> None:
    assert read(OptionalMoment, sent) == meant


def test_a_plus_that_a_url_made_a_blank_is_named() -> None:
    assert "write + as %2B" in refusal(OptionalMoment, "2026-03-12T08:00:00 01:00")


@settings(deadline=None)
@given(st.dates(min_value=date(2, 1, 1)))
def test_every_day_is_read_as_it_is_written(day: date) -> None:
    assert read(OptionalDay, day.isoformat()) == day
    assert read(OptionalDay, f"{day.year:04}-{day.month}-{day.day}") == day


@pytest.mark.parametrize(
    "sent", ["2026-02-30", "26-03-12", "tomorrow", 5, "9999-12-31T23:00:00-05:00", "2026-03-12T99"]
)
def test_a_date_of_another_form_is_refused_with_an_example(sent: Any) -> None:
    assert "2026-03-12" in refusal(OptionalDay, sent)


@pytest.mark.parametrize("text", ["week", "Weekly", " weekly "])
def test_a_period_has_one_spelling_inside(text: str) -> None:
    assert read(Period, text) == "weekly"


@pytest.mark.parametrize("sent", ['{"a": 1}', {"a": 1}])
def test_metadata_is_an_object_however_it_is_sent(sent: Any) -> None:
    assert read(Metadata, sent) == {"a": 1}


def test_metadata_of_nothing_is_empty() -> None:
    assert read(Metadata, " ") == {}


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        ("{", "must be a JSON object"),
        ("[1]", "must be a JSON object such as"),
        ({"a": "x" * 16_384}, "at most 16384 bytes"),
        ({"a": 2**64}, "64-bit"),
        ({"a": {"": 1}}, "empty name"),
        ({"a": [1e126]}, "1e125"),
        ({"a": 1e-129}, "1e-128"),
    ],
)
def test_metadata_that_can_not_be_stored_is_refused(sent: Any, message: str) -> None:
    assert message in refusal(Metadata, sent)


def nested(depth: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(depth):
        value = {"in": value}
    return value


def test_metadata_is_nested_twenty_levels_at_most() -> None:
    assert read(Metadata, nested(20)) == nested(20)
    assert "20 levels" in refusal(Metadata, nested(21))


@settings(deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_is_stored_or_refused(number: float) -> None:
    fits = number == 0 or 1e-128 <= abs(number) <= 1e125

    if fits:
        assert read(Number, number) == number
    else:
        assert "1e125" in refusal(Number, number)


def test_an_email_is_trimmed_and_in_lower_case() -> None:
    assert read(Email, " Ana@X.test ") == "ana@x.test"


@pytest.mark.parametrize("text", ["", "ana", "a@", "@b.co", "a b@c.co", "a@b@c.co", "ana@acme"])
def test_an_email_of_another_form_is_refused_with_an_example(text: str) -> None:
    assert "ana@acme.example" in refusal(Email, text)


@pytest.mark.parametrize(("text", "message"), [("ü" * 129, "256 bytes"), ("a\tb", "control")])
def test_a_key_that_can_not_be_is_refused(text: str, message: str) -> None:
    assert message in refusal(LicenseKey, text)


@pytest.mark.parametrize(
    ("kind", "text", "message"),
    [
        (StoreId, "x" * 201, "at most 200 characters"),
        (StoreId, " ", "at least 1 character"),
        (Title, "x" * 256, "at most 255 characters"),
        (Title, "", "at least 1 character"),
    ],
)
def test_a_length_is_reported_in_characters(kind: Any, text: str, message: str) -> None:
    assert message in refusal(kind, text)


@pytest.mark.parametrize(
    "type_",
    [OptionalCode, OptionalDay, OptionalEmail, OptionalKey, OptionalMoment, OptionalUser, OrderId],
)
def test_what_clients_send_for_what_they_did_not_set_is_in_the_schema(type_: Any) -> None:
    schema = TypeAdapter(type_).json_schema()
    taken = [each["const"] for each in schema["anyOf"] if "const" in each]

    assert "" in taken
    assert [read(type_, value) for value in taken] == [None] * len(taken)


@pytest.mark.parametrize("type_", [OptionalCode, OptionalEmail, OptionalKey, OptionalMoment])
def test_spaces_are_not_the_same_as_nothing(type_: Any) -> None:
    assert refusal(type_, "  ")


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        (1.0, 1),
        (-0.0, 0),
        (1e2, 100),
        (-3.0, -3),
        (0.5, 0.5),
        (1e22, 1e22),
        (2.0**62, 2**62),
        (7, 7),
    ],
)
def test_a_number_is_what_the_store_gives_back(sent: float, stored: float) -> None:
    number = stored_number(sent)

    assert (number, type(number)) == (stored, type(stored))
