"""Faults and the exceptions that carry them."""

import pytest

from shared.errors import Busy, Conflict, Denied, Fault, NotFound, Refused, TooLarge, refuse


def test_a_fault_names_its_field_and_its_json_pointer() -> None:
    fault = Fault.at(("items", 0, "product_code"), "unknown_product", "no such product", "nope")

    assert (fault.field, fault.pointer) == ("items.0.product_code", "/items/0/product_code")
    assert fault.value == "nope"


def test_a_pointer_escapes_names_as_rfc_6901_says() -> None:
    assert Fault.at(("metadata", "a/b~c"), "x", "y").pointer == "/metadata/a~1b~0c"


def test_the_whole_body_has_the_empty_pointer() -> None:
    fault = Fault.at((), "invalid_json", "not JSON")

    assert (fault.field, fault.pointer) == ("", "")


def test_no_faults_are_no_refusal() -> None:
    refuse([])


def test_faults_with_one_code_are_refused_with_that_code() -> None:
    faults = [Fault("required", "must not be blank", "a"), Fault("required", "missing", "b")]

    with pytest.raises(Refused, match=r"^must not be blank \(and 1 more\)$") as caught:
        refuse(faults)

    assert (caught.value.code, caught.value.faults) == ("required", tuple(faults))


def test_faults_with_several_codes_are_a_validation_error() -> None:
    with pytest.raises(Refused) as caught:
        refuse([Fault("required", "one"), Fault("invalid_value", "two")])

    assert caught.value.code == "validation_error"


def test_a_refusal_of_a_field_is_a_fault_of_this_field() -> None:
    refused = Refused("immutable", "can't be changed", field="email", value="x")

    assert refused.faults == (Fault("immutable", "can't be changed", "email", None, "x"),)
    assert Refused("invalid_json", "not JSON").faults == ()


@pytest.mark.parametrize(
    ("refused", "status"),
    [
        (Refused("x", "y"), 400),
        (Denied("x", "y"), 403),
        (NotFound(), 404),
        (Conflict("x", "y"), 409),
        (TooLarge("x", "y"), 413),
        (Busy(), 503),
    ],
)
def test_every_refusal_has_its_status(refused: Refused, status: int) -> None:
    assert refused.status == status
