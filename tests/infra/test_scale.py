"""docs/scale.md is what bench/scale.py computes, which follows settings and quotas."""

import re

import pytest

from bench import aws_words, scale


def test_the_page_is_what_the_script_computes() -> None:
    assert scale.PAGE.read_text(encoding="utf-8") == scale.page(), "write it again: make docs"


@pytest.mark.parametrize("companies", scale.COMPANIES)
def test_limits_come_in_the_order_in_which_they_give_way(companies: int) -> None:
    for limits in (scale.import_limits(companies), scale.order_limits(companies)):
        rates = [limit.rate for limit in limits]
        assert rates == sorted(rates)
        assert len({limit.name for limit in limits}) == len(limits)


def test_limits_of_a_company_grow_with_the_companies_and_those_of_an_account_do_not() -> None:
    one, hundred = (
        {re.sub(r"^\d+ ", "", limit.name): limit.rate for limit in scale.import_limits(companies)}
        for companies in (1, 100)
    )

    assert hundred["table quota"] == one["table quota"]
    assert one["workers"] < hundred["workers"]


def test_a_setting_moves_the_limit_that_it_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, *_ = scale.order_limits(1)
    assert first.name == "the stage's throttle"

    monkeypatch.setitem(scale.PROD, "requests_per_second", 100_000)

    assert scale.order_limits(1)[0] == second


def test_every_quote_has_its_page_at_aws() -> None:
    for _, _, link in aws_words.QUOTES:
        assert re.match(r"https://(docs\.aws\.amazon\.com|repost\.aws)/", link)
