"""The error codes of the API, each with its status and an example message.

They are used in the documentation only; the code that raises an error has its own status and
message. A route that declares a code that is not listed here fails the build.
`python -m functions.web.error_codes PAGE` rewrites the table of a page; `make docs` runs it.
"""

import re
import sys
from collections.abc import Mapping
from pathlib import Path

CODES: Mapping[str, tuple[int, str]] = {
    "alias_conflict": (400, "license_template_code and policy_code differ"),
    "answer_too_large": (
        413,
        "The response is larger than 6000000 bytes: request fewer records with limit",
    ),
    "api_key_ended": (409, "API key Zx8Kq2Lm is revoked: create a new key instead"),
    "archived_product": (400, "Product editor is archived"),
    "body_too_large": (413, "A body has at most 1048576 bytes."),
    "bundle_has_members": (
        409,
        (
            "License 12 is of a bundle, and licenses of its members have the same key or users:"
            " delete 13, 14 first"
        ),
    ),
    "bundle_member_missing": (
        400,
        "bundle suite also has viewer: name every member once, with its policy_code",
    ),
    "bundle_member_repeated": (400, "editor is named more than once"),
    "bundle_members_only": (
        400,
        "note has no effect next to members: move it to the members",
    ),
    "bundle_only": (400, "key is allowed on the item of a bundle only: move it to a license"),
    "changed_meanwhile": (
        409,
        "license 12 was changed at 2026-03-12T08:00:00Z: read it again, and send its updated_at",
    ),
    "consumption_only": (
        400,
        "max_overages is only for licenses of type consumption; this one is perpetual",
    ),
    "customer_has_orders": (
        409,
        "Customer 1593781720493279 has orders, such as web-4711: delete them first",
    ),
    "customer_exists": (409, "There is a customer with this e-mail already"),
    "default_policy_required": (
        400,
        "std is the default policy of editor: make another the default first",
    ),
    "disabled_product": (400, "Product editor is disabled"),
    "duration_required": (
        400,
        "a time-limited license needs valid_duration (such as 1y) or validity_period",
    ),
    "export_expired": (
        410,
        "The file of export 3 was deleted 7 days after the export: start another export",
    ),
    "export_state": (409, "Export 3 is running: it has no file"),
    "export_too_large": (
        413,
        (
            "These are more than 10000 licenses, which is more than one file can have:"
            " start an export job with POST /api/v1/exports/, request fewer days, or send"
            " parts=true"
        ),
    ),
    "feature_repeated": (400, "export appears twice on one license"),
    "filter_required": (400, "send email, or license with the id of a license"),
    "feature_exists": (409, "Product editor already has a feature export"),
    "external_id_reused": (409, "Another import has the external_id nightly-1"),
    "file_archived": (
        409,
        "old.csv (version 3sL4kq of acme/licenses/old.csv) is archived as GLACIER",
    ),
    "file_gone": (
        409,
        "old.csv (version 3sL4kq of acme/licenses/old.csv) was deleted, or has expired",
    ),
    "file_required": (400, "The form needs one part named file, with the name of the file"),
    "file_too_large": (
        413,
        (
            "The file is larger than 4500000 bytes, the limit of a form:"
            " upload it with POST /api/v1/imports/"
        ),
    ),
    "idempotency_key_reused": (
        409,
        "Another body was appended to this order under this Idempotency-Key",
    ),
    "immutable": (400, "short_code can't be changed once it is set"),
    "import_running": (
        409,
        "Import 14 can still write records that depend on license 12: wait until it has ended",
    ),
    "plan_changed": (
        409,
        "This is not the hash of import 14's plan: read the import again, and send its plan.hash",
    ),
    "plan_expired": (
        409,
        "The plan of import 14 expired at 2026-03-19T08:00:00+00:00: run the dry run again",
    ),
    "import_state": (409, "Import 14 has succeeded: it can't be cancelled"),
    "internal_error": (
        500,
        "The service failed, and the error was logged. Report the request_id to the operator.",
    ),
    "invalid_api_key": (403, "The API key is not valid."),
    "invalid_bundle": (400, "a bundle has at least one product"),
    "invalid_json": (400, "Expecting value at line 1 column 5."),
    "invalid_multipart": (400, "The form ends before its closing boundary"),
    "filters_conflict": (400, "filters that can't be combined: send one of them"),
    "invalid_range": (400, "from must not be after to"),
    "is_bundle_mismatch": (400, "is_bundle is true, and editor is not a bundle"),
    "key_not_allowed": (400, "viewer is authorized by user: its licenses have no key"),
    "license_key_exists": (409, "This license key is taken"),
    "license_key_repeated": (400, "this license key appears twice in the order"),
    "license_repeated": (400, "this license is named more than once"),
    "license_not_found": (404, "There is no license 1593781720493279"),
    "method_not_allowed": (405, 'Method "DELETE" not allowed. Supported: GET, HEAD, POST.'),
    "moved": (308, "Send the same request to /api/v1/orders."),
    "not_a_bundle": (400, "editor is not a bundle"),
    "not_authenticated": (403, "Authentication credentials were not provided."),
    "not_found": (404, "There is no order 1593781720493279"),
    "not_multipart": (
        400,
        "Send the file as multipart/form-data, in a part named file; this is application/json",
    ),
    "nothing_to_undo": (409, "Import 14 was a dry run: there is nothing to undo"),
    "one_file_only": (400, "The form has more than one part; send one file at a time"),
    "order_has_licenses": (
        409,
        "Order 1593781720493279 has 2 licenses: delete its licenses first",
    ),
    "order_id_exists": (409, "Order with this ID already exists"),
    "order_in_progress": (409, "This order is being written by another request"),
    "order_too_large": (
        400,
        (
            "The response to this order would have 6100000 bytes, and the limit is 5500000:"
            " place it as several orders"
        ),
    ),
    "permission_denied": (403, "This API key lacks the scope orders:write."),
    "policy_exists": (409, "Product editor already has a policy std"),
    "policy_required": (400, "policy_code is mandatory for every member of a bundle"),
    "product_exists": (409, "There is a product editor already"),
    "product_too_large": (
        400,
        "Product editor with all its parts is more than 390 KB: shorten their metadata",
    ),
    "record_too_large": (
        400,
        "One license of the order is more than 390 KB: shorten its metadata or its features",
    ),
    "scope_not_held": (
        403,
        (
            "This API key lacks catalog:write, so it can't give that to another key: use a key that"
            " has it, or keywright keys create"
        ),
    ),
    "term_conflict": (
        400,
        "valid_duration and validity_period both end the license: send one of them",
    ),
    "too_many": (400, "Product editor has 200 policies, which is the maximum"),
    "too_many_floating_users": (400, "floating_users (9) must not be more than max_activations"),
    "too_many_licenses": (400, "an order holds at most 1000 licenses"),
    "unavailable": (503, "The service is busy. Please send the request again."),
    "unknown_bundle_member": (400, "bundle suite has the members editor, viewer"),
    "unknown_policy": (400, "Product editor has no policy gold, or it is archived"),
    "too_many_exports": (
        409,
        "10 exports are running: wait until one has ended, or cancel one",
    ),
    "unknown_product": (400, "There is no product editor"),
    "unsupported_product_feature": (
        400,
        "One or more of requested product features do not exist or are not enabled on the product",
    ),
    "user_exists": (409, "There is a user with this e-mail already"),
    "user_not_assigned": (400, "user 7 is not assigned to license 1593781720493279"),
    "user_not_found": (404, "There is no license user 1593781720493279"),
    "user_repeated": (400, "an e-mail appears twice on one license"),
    "users_not_allowed": (400, "editor is authorized by key: its licenses have no users"),
    "users_required": (400, "viewer is authorized by user: name at least one"),
    "weak_alphabet": (
        400,
        "alphabet needs at least 10 different characters, for keys that can't be guessed",
    ),
    "validation_error": (400, "items.0.product_code: is required"),
}
FAULT_CODES = frozenset(
    {
        "differs",
        "duplicate_key",
        "feature_type",
        "invalid_value",
        "more_faults",
        "required",
        "unknown_field",
    }
)
"""Codes that occur only in `errors`, never as the `code` of a response, like pydantic's types."""
_HEAD = "| code | status | example message |\n|---|---|---|\n"


def with_table(page: str) -> str:
    """Return the page with the current table of codes; the rest of the page is written by hand."""
    rows = [f"| `{code}` | {status} | {message} |\n" for code, (status, message) in CODES.items()]
    before, _, behind = page.partition(_HEAD)
    return before + _HEAD + "".join(rows) + re.sub(r"\A(\|.*\n)*", "", behind)


def main() -> None:
    page = Path(sys.argv[1])
    page.write_text(with_table(page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
