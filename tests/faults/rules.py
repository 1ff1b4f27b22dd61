"""The rules by which the model of DynamoDB rejects requests, with their sources.

A quoted sentence is AWS's own: of the API reference (botocore ships it as `service-2.json`) or of
the developer guide. "Seen" marks a rule that AWS's pages do not state; the message next to it is
the one that users of the real service report.
"""

from typing import Any

RULES: dict[str, str] = {
    "member_length": "TransactWriteItems: 'groups up to 100 action requests'; BatchWriteItem:"
    " 'There are more than 25 requests in the batch'; BatchGetItem: 'If you request more than 100"
    " items, BatchGetItem returns a ValidationException'; BatchExecuteStatement: 'Maximum number"
    " of 25 items'",
    "duplicate_item": "TransactWriteItems: 'no two of them can operate on the same item';"
    " BatchWriteItem: 'You try to perform multiple operations on the same item in the same"
    " BatchWriteItem request'; BatchGetItem: 'will result in a ValidationException if the same key"
    " is specified multiple times'",
    "duplicate_statement": "Not stated. A batch with one key twice is refused here, so that the"
    " product cannot come to rely on either outcome",
    "condition_required": "ConditionCheck: ConditionExpression 'Required: Yes'",
    "one_action": "TransactWriteItem: 'A list of requests that can perform update, put, delete, or"
    " check operations'; seen: 'TransactItems can only contain one of Check, Put, Update or"
    " Delete'",
    "key_schema": "GetItem: 'you must provide all of the attributes'; seen: 'The provided key"
    " element does not match the schema'",
    "key_missing": "PutItem: 'You must provide all of the attributes for the primary key'",
    "key_type": "PutItem: 'If you specify any attributes that are part of an index key, then the"
    " data types for those attributes must match those of the schema in the table's attribute"
    " definition'",
    "key_empty": "PutItem: 'Attribute values of String and Binary type must have a length greater"
    " than zero if the attribute is used as a key attribute for a table or index'",
    "key_size": "Constraints: 'The maximum length of a partition key value is 2048 bytes', 'The"
    " maximum length of a sort key value is 1024 bytes'",
    "key_update": "AttributeValueUpdate: 'You cannot use UpdateItem to update any primary key"
    " attributes'",
    "item_size": "Constraints: 'The maximum item size in DynamoDB is 400 KB'",
    "transaction_size": "TransactWriteItems: 'The aggregate size of the items in the transaction"
    " exceeds 4 MB'",
    "value_type": "AttributeValue: 'Each attribute value is described as a name-value pair. The"
    " name is the data type, and the value is the data itself'",
    "set_empty": "PutItem: 'Set type attributes cannot be empty'",
    "set_duplicate": "Developer guide, Sets: 'Each value within a set must be unique'",
    "number_format": "Seen: 'The parameter cannot be converted to a numeric value'",
    "number_digits": "Constraints: 'A number can have up to 38 digits of precision'; 'Exceeding"
    " this results in an exception'",
    "number_range": "Constraints: 'Positive range: 1E-130 to 9.9999999999999999999999999999999999"
    "999E+125'",
    "expression_syntax": "Seen: 'Invalid expression: Syntax error'",
    "value_unused": "Seen: 'Value provided in ExpressionAttributeValues unused in expressions'",
    "value_undefined": "Seen: 'An expression attribute value used in expression is not defined'",
    "name_unused": "Seen: 'Value provided in ExpressionAttributeNames unused in expressions'",
    "name_undefined": "Seen: 'An expression attribute name used in the document path is not"
    " defined'",
    "reserved_word": "UpdateItem: 'The name of this attribute conflicts with a reserved word, so it"
    " cannot be used directly in an expression'",
    "between_reversed": "Seen: 'The BETWEEN operator requires upper bound to be greater than or"
    " equal to lower bound'",
    "between_types": "Seen: 'The BETWEEN operator requires same data type for lower and upper"
    " bounds'",
    "operand_type": "Seen: 'Incorrect operand type for operator or function'",
    "operand_twice": "Seen: 'The first operand must be distinct from the remaining operands for"
    " this operator or function'",
    "path_overlap": "Seen: 'Two document paths overlap with each other; must remove or rewrite"
    " one of these paths'",
    "update_section": "UpdateItem: 'Each action keyword can appear only once'",
    "update_operand": "TransactionCanceledException: 'The provided expression refers to an"
    " attribute that does not exist in the item', 'Type mismatch for attribute to update'",
    "update_type": "TransactionCanceledException: 'An operand in the update expression has an"
    " incorrect data type'",
    "index_unknown": "Seen: 'The table does not have the specified index'",
    "index_consistent": "Query: 'If you query a global secondary index with ConsistentRead set to"
    " true, you will receive a ValidationException'",
    "index_projection": "Developer guide, Querying a GSI: 'Global secondary index queries cannot"
    " fetch attributes from the parent table'",
    "query_condition": "Query: 'The condition must perform an equality test on a single partition"
    " key value'; seen: 'Query condition missed key schema element', 'Query key condition not"
    " supported'",
    "query_limit": "Query: Limit 'Minimum value of 1'",
    "start_key": "Query: 'Use the value that was returned for LastEvaluatedKey in the previous"
    " operation'; seen: 'The provided starting key is invalid'",
    "start_key_outside": "Query: 'Use the value that was returned for LastEvaluatedKey in the"
    " previous operation'; seen: 'The provided starting key is outside query boundaries based on"
    " provided conditions'",
    "return_values": "PutItem: 'PutItem does not recognize any values other than NONE or ALL_OLD'",
    "token_length": "TransactWriteItems: ClientRequestToken 'Maximum length of 36'",
}


class Refusal(Exception):
    """An error response of the service; `rule` is the violated one of RULES, if any."""

    def __init__(self, code: str, message: str = "", *, rule: str = "", **more: Any) -> None:
        super().__init__(code)
        self.code, self.rule = code, rule
        self.body = {
            "__type": f"com.amazonaws.dynamodb.v20120810#{code}",
            "message": message,
            **more,
        }


def invalid(rule: str, about: object = "") -> Refusal:
    """A ValidationException by one of the rules."""
    if rule not in RULES:
        raise KeyError(rule)
    return Refusal("ValidationException", f"{rule}: {about}"[:300], rule=rule)
