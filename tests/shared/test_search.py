"""Words, tokens and entries of the search index, on values."""

import random
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import search
from shared.search import (
    MOST_TOKENS,
    TOKEN_LENGTH,
    Entry,
    entry_changes,
    fold,
    latest,
    matches,
    query_words,
    tokens_of,
    words_of,
)


def customer(**fields: str) -> dict[str, Any]:
    return {"id": 7, **fields}


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Acme", "acme"),
        ("Peña", "pena"),
        ("PENA\u0303", "pena"),
        ("Straße", "strasse"),
        ("STRASSE", "strasse"),
        ("Ａｃｍｅ　Ｋ.Ｋ.", "acme k.k."),  # noqa: RUF001  # full width
        ("ｶﾀｶﾅ", "カタカナ"),
        ("Łódź", "lodz"),
        ("Smørrebrød", "smorrebrod"),
        ("Æsir", "aesir"),
        ("İstanbul", "istanbul"),
        ("ΣΊΣΥΦΟΣ", "σισυφοσ"),  # Greek
        ("नमस्ते", fold("नमस्ते")),
        ("O’Brien", "o'brien"),  # noqa: RUF001  # the typographic apostrophe
    ],
)
def test_case_accents_and_width_do_not_count(text: str, folded: str) -> None:
    assert fold(text) == folded
    assert fold(folded) == folded


@given(st.text())
def test_folding_again_changes_nothing(text: str) -> None:
    assert [fold(word) for word in words_of(text)] == words_of(text)


def test_a_word_has_no_punctuation_around_it() -> None:
    assert words_of(' "Acme", (GmbH)  & Co. – ') == ["acme", "gmbh", "co"]  # noqa: RUF001  # a dash


def test_a_name_is_found_by_its_words_and_their_parts() -> None:
    record = customer(email="ana@acme.example", last_name="Müller-Lang", company_name="O'Neil Ltd.")

    assert tokens_of("customer", record) == (
        "ana@acme.example",
        *("muller-lang", "muller", "lang"),
        *("o'neil", "o", "neil"),
        "ltd",
    )


def test_an_order_id_is_one_token_for_each_word() -> None:
    assert tokens_of("order", {"store_id": "#Web-4711 B"}) == ("web-4711", "b")


def test_a_tombstone_has_no_tokens() -> None:
    grave = {"pk": "acme#7", "sk": "customer#7", "deleted_at": "2026-01-01"}

    assert tokens_of("customer", grave) == tokens_of("order", grave) == ()


def test_tokens_are_limited_in_number_and_length() -> None:
    words = [f"{n}x" + "y" * 300 for n in range(50)]
    found = tokens_of("customer", customer(company_name=" ".join(words)))

    assert len(found) == MOST_TOKENS
    assert {len(token) for token in found} == {TOKEN_LENGTH}
    assert matches(found, query_words(words[0]))


@pytest.mark.parametrize(
    ("query", "is_found"),
    [
        ("ana", True),
        ("ANA@acme", True),
        ("pe acm", True),
        ("acme ana", True),
        ("acme anna", False),
        ("cme", False),
        ("p", False),
        ("ab", True),
        ("a b", True),
        ("a", True),
        ("", True),
    ],
)
def test_every_word_of_a_query_must_match(query: str, is_found: bool) -> None:
    record = customer(
        email="ana@acme.example", first_name="Ana B", last_name="Peña", company_name="Acme A Abt"
    )

    assert matches(tokens_of("customer", record), query_words(query)) is is_found


def test_a_word_that_a_longer_one_implies_is_left_out() -> None:
    assert query_words("an ana acme a") == ["acme", "ana", "a"]


TEXT = st.text(alphabet="abAÄß-. é", max_size=8)


@given(TEXT, TEXT, TEXT)
def test_a_record_that_matches_has_an_entry_in_the_buckets_of_each_word(
    email: str, name: str, query: str
) -> None:
    record = customer(email=email, company_name=name)
    entries = entry_changes("acme", "customer", 7, (None, record), "1")

    words = query_words(query)
    if matches(tokens_of("customer", record), words):
        for word in words:
            start = f"{word}#" if len(word) == 1 else word
            buckets = search.buckets("acme", "customer", word)
            assert [each for each in entries if each.pk in buckets and each.sk.startswith(start)]


def test_entries_of_one_token_are_spread_over_buckets() -> None:
    partitions = {
        entry.pk
        for id in range(100)
        for entry in entry_changes("acme", "order", id, (None, {"store_id": f"import-1-{id}"}), "1")
    }

    assert len(partitions) == search.BUCKETS


def test_another_company_has_other_buckets() -> None:
    before, after = None, customer(company_name="Acme")
    mine = entry_changes("a", "customer", 7, (before, after), "1")
    theirs = entry_changes("b", "customer", 7, (before, after), "1")

    assert not {entry.pk for entry in mine} & {entry.pk for entry in theirs}


def test_a_change_of_other_fields_writes_nothing() -> None:
    before = customer(email="ana@acme.example", city="Ulm")

    assert not entry_changes("acme", "customer", 7, (before, before | {"city": "Bonn"}), "2")


NAMES = st.sampled_from(["Ana", "Ben", "Ana Lang", "Ben Lang-Ott", ""])


@given(st.lists(NAMES, min_size=1, max_size=6), st.randoms(use_true_random=False), st.booleans())
def test_changes_in_any_order_and_number_leave_the_entries_of_the_last_one(
    names: list[str], choose: random.Random, is_deleted: bool
) -> None:
    """Deliveries are merged as the table merges them: the highest version of a key is kept."""
    images: list[Any] = [None, *(customer(company_name=name) for name in names)]
    if is_deleted:
        images.append({"deleted_at": "now"})
    changes = [
        entry_changes("acme", "customer", 7, pair, f"{number:040}")
        for number, pair in enumerate(pairwise(images))
    ]
    deliveries = [*range(len(changes)), *choose.choices(range(len(changes)), k=4)]
    choose.shuffle(deliveries)

    stored: dict[tuple[str, str], Entry] = {}
    for number in deliveries:
        for entry in latest(changes[number]):
            before = stored.get((entry.pk, entry.sk))
            if before is None or before.version < entry.version:
                stored[entry.pk, entry.sk] = entry

    wanted = tokens_of("customer", images[-1])
    found = {each.sk.rpartition("#")[0]: each.words for each in stored.values() if each.words}
    assert found == dict.fromkeys(wanted, wanted)
