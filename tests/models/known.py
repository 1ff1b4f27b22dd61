"""The differences between our model and other services that are known, each with its reason."""

from contextlib import suppress
from dataclasses import replace
from typing import Any

from tests.faults.attribute_values import stored
from tests.faults.rules import RULES, Refusal
from tests.models.answers import Answer
from tests.models.differences import Known, Seen, lax, other_code


def _numbers_as_sent(seen: Seen) -> bool:
    """Whether the answers are the same except for the spelling of numbers."""
    return seen.expected.same(replace(seen.got, body=_stored_numbers(seen.got.body)))


def _stored_numbers(held: Any) -> Any:
    if isinstance(held, list):
        return [_stored_numbers(part) for part in held]
    if not isinstance(held, dict):
        return held
    if held.keys() in ({"N"}, {"SS"}):
        with suppress(Refusal):
            return stored(held)
    return {name: _stored_numbers(part) for name, part in held.items()}


def _no_key_at_limit(seen: Seen) -> bool:
    """Whether the answers are the same except for a last key where nothing comes after it."""
    expected = {k: v for k, v in seen.expected.body.items() if k != "LastEvaluatedKey"}
    same = replace(seen.expected, body=expected).same(
        replace(seen.got, body=_stored_numbers(seen.got.body))
    )
    return same and seen.expected.body.get("Count") == seen.body.get("Limit")


def _attributes(answer: Answer) -> Any:
    return _stored_numbers(answer.body.get("Attributes", {}))


def _without_keys(attributes: dict[str, Any]) -> dict[str, Any]:
    return {name: held for name, held in attributes.items() if name not in ("pk", "sk")}


def _condition_differs(seen: Seen) -> bool:
    """Whether a condition held in one service and not in the other."""
    failed = [
        (answer.code == "ConditionalCheckFailedException", answer.reasons)
        for answer in (seen.expected, seen.got)
    ]
    return failed[0] != failed[1] and "ConditionalCheckFailed" in str((seen.expected, seen.got))


NUMBERS = Known(
    "numbers as sent",
    "stores and returns a number as it was sent",
    "Developer guide, Number: 'Leading and trailing zeroes are trimmed'",
    _numbers_as_sent,
)
NO_KEY_AT_LIMIT = Known(
    "no key at the limit",
    "leaves LastEvaluatedKey out where the limit is reached with the last item",
    "Query, Limit: 'it stops the operation and returns the matching values up to that point, and a"
    " key in LastEvaluatedKey to apply in a subsequent operation'",
    _no_key_at_limit,
)
NO_TOKENS = Known(
    "no tokens",
    "carries out a transaction again whose ClientRequestToken it has seen",
    "TransactWriteItems: 'Providing a ClientRequestToken makes the call to TransactWriteItems"
    " idempotent, meaning that multiple identical calls have the same effect as one single call'",
    lambda seen: (
        seen.expected.rule == "token_replayed"
        or seen.expected.code == "IdempotentParameterMismatchException"
    ),
)
UPDATE_TYPE_AT_ONCE = Known(
    "update type at once",
    "refuses a transaction by a ValidationException where an update adds to what is no number",
    RULES["update_type"],
    lambda seen: (
        seen.operation == "TransactWriteItems"
        and "ValidationError" in seen.expected.reasons
        and seen.got.code == "ValidationException"
    ),
)

KEYS_RETURNED = Known(
    "keys among the updated",
    "returns the key too for UPDATED_NEW, where the update made the item",
    "UpdateItem: 'UPDATED_NEW - Returns only the updated attributes'",
    lambda seen: (
        seen.body.get("ReturnValues") == "UPDATED_NEW"
        and _attributes(seen.expected) == _without_keys(_attributes(seen.got))
    ),
)
ADD_CRASHES = Known(
    "ADD of a fraction",
    "crashes on ADD of a number that int() does not read, where the attribute is not there",
    "UpdateItem, ADD: 'If you use ADD to increment or decrement a number value for an item that"
    " doesn't exist before the update, DynamoDB uses 0 as the initial value'",
    lambda seen: "ADD " in str(seen.body) and "ValueError" in (seen.got.code, *seen.got.reasons),
)
TYPES_CRASH = Known(
    "types compared",
    "crashes where < or > meets an attribute of another type",
    "Developer guide, Comparison operators: the comparison is false",
    lambda seen: "TypeError" in (seen.got.code, *seen.got.reasons),
)
NULL_IS_ABSENT = Known(
    "NULL is absent",
    "takes an attribute that is absent for one that is NULL, where = or IN compares them",
    "AttributeValue: NULL is a type of its own",
    lambda seen: _condition_differs(seen) and "'NULL': True" in str(seen.body),
)
BOOL_IS_NUMBER = Known(
    "BOOL is a number",
    "compares true as 1 and false as 0",
    "Developer guide, Comparison operators: values of different types are not equal, and none is"
    " less than the other",
    lambda seen: (
        _condition_differs(seen)
        and any(sign in str(seen.body) for sign in (" IN (", " = ", "<", ">"))
        and any(kind in str(seen.body) for kind in ("'BOOL'", "'N'"))
    ),
)
CHANGED_ONLY = Known(
    "changed attributes only",
    "leaves out of UPDATED_OLD and UPDATED_NEW what an update sets to the value that it had",
    "UpdateItem: 'UPDATED_NEW - Returns only the updated attributes, as they appear after the"
    " UpdateItem operation'",
    lambda seen: (
        seen.operation == "UpdateItem"
        and seen.body.get("ReturnValues") in ("UPDATED_OLD", "UPDATED_NEW")
        and not seen.expected.code + seen.got.code
        and _without_keys(_attributes(seen.got)).items() <= _attributes(seen.expected).items()
    ),
)
MISSING_PARAMETER = Known(
    "missing parameter",
    "refuses a request that lacks a member as MissingParameter",
    "ValidationException (400): 'The input fails to satisfy the constraints specified by an AWS"
    " service'",
    lambda seen: seen.got.code == "MissingParameter" and bool(seen.expected.code),
)
HALF_APPLIED = Known(
    "half applied",
    "has carried out the first requests of a BatchWriteItem, or the first clauses of an update,"
    " before it refuses the request",
    "BatchWriteItem: 'DynamoDB rejects the entire batch write operation'",
    lambda seen: (
        seen.operation == "contents"
        and seen.body["refused"]
        and bool(seen.body["after"].keys() & {"RequestItems", "UpdateExpression"})
    ),
)
TOKEN_OF_FAILED = Known(
    "token of a failed transaction",
    "remembers the token of a transaction that it refused, and refuses another one with it",
    "Not stated. botocore draws a new token for each call, and repeats only the same body",
    lambda seen: (
        seen.operation == "TransactWriteItems"
        and seen.got.code == "IdempotentParameterMismatchException"
    ),
)
BEGINS_WITH_REFUSED = Known(
    "begins_with of a number",
    "refuses begins_with where the item's attribute is no string",
    "Seen: the condition is false; dynalite, moto and roto agree",
    lambda seen: "begins_with" in str(seen.body) and seen.got.code == "ValidationException",
)
INSERT_UNCHECKED = Known(
    "INSERT unchecked",
    "inserts items with values, or keys of an index, that PutItem refuses",
    RULES["value_type"],
    lambda seen: (
        seen.operation == "BatchExecuteStatement"
        and "ValidationError" in seen.expected.body.get("Responses", ())
    ),
)

DOCUMENTS_DIFFER = Known(
    "documents differ",
    "takes no map and no list for equal to another",
    "Condition, EQ: 'EQ is supported for all data types, including lists and maps'",
    lambda seen: (
        "ConditionalCheckFailedException" in (seen.expected.code, seen.got.code)
        and any(
            held.keys() & {"L", "M"}
            for held in seen.body.get("ExpressionAttributeValues", {}).values()
        )
    ),
)

TIES = Known(
    "ties in an index",
    "returns items with equal index keys in another order, so that pages end at another one",
    "Developer guide, Global secondary indexes: 'the key values in a global secondary index do not"
    " need to be unique'; no order of such items is documented, and no list depends on one",
    lambda seen: (
        seen.operation == "Query"
        and seen.body.get("IndexName") == "by_type"
        and {"Items", "Count"} & seen.expected.body.keys() & seen.got.body.keys() != set()
    ),
)

BATCH_PROJECTION_UNCHECKED = Known(
    "reserved words in a batch",
    "takes a reserved word in the projection of a BatchGetItem",
    RULES["reserved_word"],
    lambda seen: seen.operation == "BatchGetItem" and seen.expected.rule == "reserved_word",
)

FALSE_IS_ABSENT = Known(
    "false is absent",
    "takes an attribute that is false for one that is absent, where IN, BETWEEN or attribute_type"
    " looks at it",
    "Condition, IN: 'Checks for matching elements in a list'",
    lambda seen: (
        _condition_differs(seen)
        and any(word in str(seen.body) for word in (" IN (", " BETWEEN ", "attribute_type"))
    ),
)

ROTO: tuple[Known, ...] = (
    BATCH_PROJECTION_UNCHECKED,
    NUMBERS,
    NO_KEY_AT_LIMIT,
    NO_TOKENS,
    UPDATE_TYPE_AT_ONCE,
    *lax("between_reversed", "key_size", "key_empty", "operand_type", "start_key"),
    *lax("start_key_outside", "key_update", "path_overlap"),
    *other_code("ResourceNotFoundException", "index_unknown"),
    MISSING_PARAMETER,
)
MOTO: tuple[Known, ...] = (
    NUMBERS,
    NO_TOKENS,
    NO_KEY_AT_LIMIT,
    KEYS_RETURNED,
    CHANGED_ONLY,
    UPDATE_TYPE_AT_ONCE,
    ADD_CRASHES,
    TYPES_CRASH,
    NULL_IS_ABSENT,
    BOOL_IS_NUMBER,
    HALF_APPLIED,
    *lax("between_reversed", "duplicate_item", "key_empty", "key_missing", "key_schema"),
    *lax("key_size", "key_type", "member_length", "name_undefined", "number_digits"),
    *lax("number_format", "number_range", "operand_type", "query_limit", "reserved_word"),
    *lax("set_duplicate", "set_empty", "start_key", "start_key_outside", "value_type"),
    *lax("condition_required", "key_update", "path_overlap", "value_undefined"),
    *lax("index_unknown", "value_unused"),
)
DYNALITE: tuple[Known, ...] = (
    DOCUMENTS_DIFFER,
    FALSE_IS_ABSENT,
    TIES,
    *lax("item_size", "key_empty", "operand_type"),
)
MINISTACK: tuple[Known, ...] = (
    NUMBERS,
    TOKEN_OF_FAILED,
    BEGINS_WITH_REFUSED,
    INSERT_UNCHECKED,
    *lax("condition_required", "duplicate_statement", "key_missing", "key_schema"),
    *lax("key_size", "key_type", "key_update", "operand_type", "reserved_word", "start_key"),
    *lax("start_key_outside", "path_overlap"),
)
KNOWN: dict[str, tuple[Known, ...]] = {
    "moto": MOTO,
    "ministack": MINISTACK,
    "roto": ROTO,
    "dynalite": DYNALITE,
}
LACKS: dict[str, frozenset[str]] = {
    "moto": frozenset({"BatchExecuteStatement"}),
    "roto": frozenset({"BatchExecuteStatement"}),
    "dynalite": frozenset({"BatchExecuteStatement", "TransactWriteItems"}),
    "ministack": frozenset(),
}
"""Operations that a service does not have, or not as far as the product uses them."""
