"""Every refusal says what would be right, in the product's words and not in pydantic's."""

from datetime import date, datetime
from typing import Annotated, Any, Literal, get_args

import pytest
from pydantic import BaseModel, Field, TypeAdapter, ValidationError
from pydantic_core.core_schema import ErrorType

from shared.catalog_changes import NewFeature, NewPolicy, NewProduct
from shared.customers import NewCustomer
from shared.orders import OrderRequest
from shared.values import Code, Count, Email, Flag, RecordId, StrictFlag
from shared.wording import WORDS, either, in_words, meant

ODD: tuple[Any, ...] = (
    None, True, "x", "", " ", "5", "\x00", "x" * 5_000, 5, -1, 1.5, 10**18, 1e300, [], [1],
    [{}], {}, {"x": 1},
)  # fmt: skip


class Named(BaseModel, extra="forbid"):
    name: str


def messages(wanted: Any, value: Any) -> list[str]:
    try:
        TypeAdapter(wanted).validate_python(value)
    except ValidationError as error:
        return [in_words(found) for found in error.errors()]
    return []


@pytest.mark.parametrize(
    ("wanted", "value", "words"),
    [
        (Named, {}, "is required"),
        (
            Named,
            {"name": "a", "nmae": "b"},
            "is not a known field; check the spelling or remove it",
        ),
        (Named, "a", "must be an object in curly brackets"),
        (Count, "many", "must be a whole number such as 5"),
        (Count, "5", "must be a whole number such as 5, without quotes"),
        (Count, 1.5, "must be a whole number such as 5"),
        (Count, -1, "must be at least 0"),
        (Count, 2**31, "must be at most 2147483647"),
        (int, "many", "must be a whole number such as 5"),
        (float, "much", "must be a number such as 1.5"),
        (Flag, "yes", "must be true or false"),
        (StrictFlag, "true", "must be true or false, without quotes"),
        (bool, "perhaps", "must be true or false"),
        (Code, 5, 'must be a string in quotes, such as "5"'),
        (Code, True, 'must be a string in quotes, such as "true"'),
        (Code, None, "must be a string"),
        (Code, "", "must not be empty"),
        (Code, "x" * 101, "must have at most 100 characters"),
        (Annotated[str, Field(min_length=9)], "abc", "must have at least 9 characters"),
        (Literal["a", "b", "c"], "d", "must be one of 'a', 'b' or 'c'"),
        (Literal["a"], "d", "must be 'a'"),
        (list[int], 5, "must be a list in square brackets"),
        (Annotated[list[int], Field(max_length=2)], [1, 2, 3], "must have at most 2 entries"),
        (Annotated[list[int], Field(min_length=1)], [], "must have at least one entry"),
        (dict[str, int], [], "must be an object in curly brackets"),
        (date, "soon", "must be a date such as 2026-03-12"),
        (datetime, "soon", "must be a time such as 2026-03-12T08:00:00Z"),
        (Email, "ana", "must be an e-mail address such as ana@acme.example"),
    ],
)  # fmt: skip
def test_a_refusal_says_what_would_be_right(wanted: Any, value: Any, words: str) -> None:
    assert messages(wanted, value) == [words]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (True, 'must be a whole number such as 5, or a string in quotes, such as "true"'),
        (0, 'must be at least 1, or a string in quotes, such as "0"'),
        ("", "must not be empty"),
    ],
)
def test_what_may_be_of_two_kinds_is_refused_in_one_sentence(value: Any, words: str) -> None:
    one, other = messages(RecordId | Code, value)

    assert either(one, other) == words


@pytest.mark.parametrize("model", [OrderRequest, NewProduct, NewPolicy, NewFeature, NewCustomer])
def test_no_field_of_a_request_is_refused_in_words_of_pydantic(model: type[BaseModel]) -> None:
    found = {
        words
        for name, field in model.model_fields.items()
        for value in ODD
        for words in messages(model, {field.alias or name: value})
    }

    assert len(found) > 5
    assert not [words for words in found if words.startswith("Input") or " should " in words]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (("cutsomer",), "customer"),
        (("items", 0, "product"), "product_code"),
        (("items", 0, "licenses", 1, "max_activation"), "max_activations"),
        (("items", 0, "licenses", 1, "product_features", 0, "Code"), "code"),
        (("customer", "e-mail"), "email"),
        (("customer", "valid_duration"), None),
        (("color",), None),
        (("metadata", "x", "idd"), None),
    ],
)
def test_an_unknown_field_is_reported_with_a_suggestion_at_its_pointer(
    path: tuple[str | int, ...], name: str | None
) -> None:
    assert meant(OrderRequest, path) == name


def test_words_are_for_errors_that_there_are() -> None:
    assert set(WORDS) <= set(get_args(ErrorType))
