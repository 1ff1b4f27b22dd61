"""Every module has a test module of its name in the mirrored folder, or an entry that says why not.

`shared/terms.py` is tested by `tests/shared/test_terms.py`, and
`functions/console/static/csv/csv.js` by `tests/console/csv/csv.test.js`.
"""

import pytest

from tests.test_layers import ROOT, modules, ways_from

ELSEWHERE: dict[str, dict[str, str]] = {
    "A use case reads and writes tables, so it is tested through the handler that calls it.": {
        "shared/workflows/assign_users.py": "tests/functions/test_license_users.py",
        "shared/workflows/batch.py": "tests/functions/test_import_batches.py",
        "shared/workflows/change_licenses.py": "tests/functions/test_licenses.py",
        "shared/workflows/delete_licenses.py": "tests/functions/test_deletes.py",
        "shared/workflows/delete_orders.py": "tests/functions/test_deletes.py",
        "shared/workflows/delete_users.py": "tests/functions/test_deletes.py",
        "shared/workflows/export_records.py": "tests/functions/test_export_jobs.py",
        "shared/workflows/run_export.py": "tests/functions/test_export_jobs.py",
        "shared/workflows/stuck_exports.py": "tests/functions/test_export_jobs.py",
        "shared/workflows/held_keys.py": "tests/functions/test_import_races.py",
        "shared/workflows/import_batch.py": "tests/functions/test_import_batches.py",
        "shared/workflows/generated_keys.py": "tests/functions/test_generated_keys.py",
        "shared/workflows/import_bundles.py": "tests/functions/test_import_duplicates.py",
        "shared/workflows/import_chunk.py": "tests/functions/test_import_csv.py",
        "shared/workflows/import_plan.py": "tests/functions/test_import_plan.py",
        "shared/workflows/import_repeats.py": "tests/functions/test_import_updates.py",
        "shared/import_undo.py": "tests/functions/test_undo.py",
        "shared/license_reader.py": "tests/shared/test_row_reader.py",
        "shared/part_reader.py": "tests/shared/test_row_reader.py",
        "shared/planned_rows.py": "tests/functions/test_import_plan.py",
        "shared/workflows/undo_batch.py": "tests/functions/test_undo.py",
        "shared/workflows/undo_customers.py": "tests/functions/test_undo.py",
        "shared/workflows/undo_features.py": "tests/functions/test_undo.py",
        "shared/workflows/undo_import.py": "tests/functions/test_undo.py",
        "shared/workflows/undo_licenses.py": "tests/functions/test_undo.py",
        "shared/workflows/undo_orders.py": "tests/functions/test_undo.py",
        "shared/workflows/undo_totals.py": "tests/functions/test_undo.py",
        "shared/workflows/undo_updates.py": "tests/functions/test_undo.py",
        "shared/workflows/update_records.py": "tests/functions/test_import_updates.py",
        "shared/workflows/import_customers.py": "tests/functions/test_import_duplicates.py",
        "shared/workflows/import_duplicates.py": "tests/functions/test_import_duplicates.py",
        "shared/workflows/import_features.py": "tests/functions/test_import_csv.py",
        "shared/workflows/import_licenses.py": "tests/functions/test_import_csv.py",
        "shared/workflows/import_orders.py": "tests/functions/test_imported_orders.py",
        "shared/workflows/import_results.py": "tests/functions/test_import_results.py",
        "shared/workflows/import_lifecycle.py": "tests/functions/test_import_stopped.py",
        "shared/workflows/import_totals.py": "tests/functions/test_import_counted.py",
        "shared/workflows/batch_report.py": "tests/functions/test_import_results.py",
        "shared/workflows/import_users.py": "tests/functions/test_import_users.py",
        "shared/workflows/license_inserts.py": "tests/functions/test_import_csv.py",
        "shared/workflows/named_licenses.py": "tests/functions/test_import_users.py",
        "shared/workflows/row_bundles.py": "tests/functions/test_import_bundles.py",
        "shared/workflows/undo_users.py": "tests/functions/test_import_users.py",
        "shared/workflows/import_warnings.py": "tests/functions/test_import_duplicates.py",
        "shared/workflows/imports_at_rest.py": "tests/functions/test_deletes.py",
        "shared/workflows/lost_files.py": "tests/functions/test_sweep.py",
        "shared/workflows/order_writes.py": "tests/functions/test_order_faults.py",
        "shared/workflows/pending_orders.py": "tests/functions/test_order_faults.py",
        "shared/workflows/publish_events.py": "tests/functions/test_publish_events.py",
        "shared/workflows/index_search.py": "tests/functions/test_search.py",
        "shared/workflows/search.py": "tests/functions/test_search.py",
        "shared/workflows/place_order.py": "tests/functions/test_create_order.py",
        "shared/workflows/rotate_api_key.py": "tests/functions/test_api_keys.py",
        "shared/workflows/stuck_imports.py": "tests/functions/test_sweep.py",
    },
    "Items of one table are tested through the routes that read and write them.": {
        "shared/store/catalog.py": "tests/functions/test_catalog_limits.py",
        "shared/store/import_mappings.py": "tests/functions/test_import_mappings.py",
        "shared/store/customers.py": "tests/shared/store/test_lookup.py",
        "shared/store/daily_totals.py": "tests/functions/test_statistics.py",
        "shared/store/events.py": "tests/functions/test_publish_events.py",
        "shared/store/export_files.py": "tests/functions/test_export_jobs.py",
        "shared/store/export_jobs.py": "tests/functions/test_export_jobs.py",
        "shared/store/license_index.py": "tests/functions/test_license_lists.py",
        "shared/store/licenses.py": "tests/shared/store/test_lookup.py",
        "shared/store/newest_first.py": "tests/functions/test_license_lists.py",
        "shared/store/open_batches.py": "tests/functions/test_license_lists.py",
        "shared/store/order_index.py": "tests/functions/test_imported_orders.py",
        "shared/store/orders.py": "tests/functions/test_large_order_reads.py",
        "shared/store/removals.py": "tests/functions/test_deletes.py",
        "shared/store/tombstones.py": "tests/functions/test_deletes.py",
        "shared/store/unknown_files.py": "tests/functions/test_sweep.py",
        "shared/store/workers.py": "tests/functions/test_import_counted.py",
    },
    "A part of another module of the store, which is tested with it.": {
        "shared/store/connections.py": "tests/shared/store/test_sender.py",
        "shared/store/event_bus.py": "tests/functions/test_publish_events.py",
        "shared/store/executions.py": "tests/functions/test_job_status.py",
        "shared/store/export_executions.py": "tests/functions/test_export_jobs.py",
        "shared/store/writer.py": "tests/functions/test_publish_events.py",
        "shared/store/pace.py": "tests/shared/store/test_patience.py",
    },
    "Models or data without code: what reads them tests them.": {
        "shared/header_synonyms.py": "tests/shared/csv_format/test_header.py",
        "shared/browser_rule.py": "tests/functions/console/test_handler.py",
        "shared/contract/search.py": "tests/functions/test_search.py",
        "shared/contract/statistics.py": "tests/functions/test_statistics.py",
        "shared/contract/api_keys.py": "tests/functions/test_api_keys.py",
        "shared/contract/exports.py": "tests/functions/test_export_jobs.py",
        "shared/contract/imports.py": "tests/functions/test_job_status.py",
        "functions/web/error_codes.py": "tests/functions/web/test_openapi.py",
    },
    "A part of all routes, which is tested by requests to a small route module.": {
        "functions/web/auth.py": "tests/functions/web/test_api.py",
        "functions/web/head.py": "tests/functions/web/test_api.py",
        "functions/web/middlewares.py": "tests/functions/web/test_api.py",
        "functions/web/problems.py": "tests/functions/web/test_api.py",
        "functions/web/request.py": "tests/functions/web/test_api.py",
    },
    "A part of some routes, which is tested by requests to them.": {
        "functions/index_search.py": "tests/functions/test_search.py",
        "functions/stream_records.py": "tests/functions/test_publish_events.py",
        "functions/events.py": "tests/functions/test_publish_events.py",
        "shared/changed_meanwhile.py": "tests/functions/test_licenses.py",
        "functions/console/rules.py": "tests/functions/console/test_handler.py",
        "functions/export_chunk.py": "tests/functions/test_export_jobs.py",
        "functions/export_file.py": "tests/functions/test_exports.py",
        "functions/import_rows.py": "tests/functions/test_job_status.py",
        "functions/import_views.py": "tests/functions/test_job_status.py",
        "functions/orders.py": "tests/functions/test_records.py",
        "functions/web/paging.py": "tests/functions/test_records.py",
        "functions/web/route_table.py": "tests/functions/test_documents.py",
        "functions/web/upload.py": "tests/functions/test_start_import.py",
    },
    "A construct, or its settings: tests read the synthesized template.": {
        "infra/app.py": "tests/infra/test_safe_change.py",
        "infra/asset.py": "tests/infra/test_function.py",
        "infra/context.py": "tests/infra/test_safe_change.py",
        "infra/dashboard.py": "tests/infra/test_observability.py",
        "infra/erase.py": "tests/infra/test_data.py",
        "infra/notices.py": "tests/infra/test_console.py",
        "infra/retention.py": "tests/infra/test_data.py",
        "infra/stack.py": "tests/infra/test_architecture.py",
        "infra/stage_settings.py": "tests/infra/cli/test_preflight.py",
        "infra/search.py": "tests/infra/test_events.py",
        "infra/streams.py": "tests/infra/test_events.py",
        "infra/stamp.py": "tests/infra/test_supply.py",
    },
    "A part of a command, which is tested by running the command.": {
        "infra/cli/account.py": "tests/infra/cli/test_preflight.py",
        "infra/cli/catalog_file.py": "tests/infra/cli/test_catalog.py",
        "infra/cli/catalog_plan.py": "tests/infra/cli/test_catalog.py",
        "infra/cli/cdk.py": "tests/infra/cli/test_rollout.py",
        "infra/cli/certificate.py": "tests/infra/cli/test_preflight.py",
        "infra/cli/findings.py": "tests/infra/cli/test_preflight.py",
        "infra/cli/health.py": "tests/infra/cli/test_doctor.py",
        "infra/cli/main.py": "tests/infra/cli/test_keys.py",
        "infra/cli/quota.py": "tests/infra/cli/test_preflight.py",
        "infra/cli/stack_resources.py": "tests/infra/cli/test_doctor.py",
        "infra/cli/stack_state.py": "tests/infra/cli/test_preflight.py",
        "infra/cli/stages.py": "tests/infra/cli/test_keys.py",
        "infra/cli/tables.py": "tests/infra/cli/test_licenses.py",
        "infra/cli/trial.py": "tests/infra/cli/test_verify.py",
        "infra/cli/trial_imports.py": "tests/infra/cli/test_verify.py",
        "infra/cli/trial_orders.py": "tests/infra/cli/test_verify.py",
        "infra/cli/trial_release.py": "tests/infra/cli/test_verify.py",
        "infra/cli/warm.py": "tests/infra/cli/test_rollout.py",
        "infra/client/connection.py": "tests/infra/client/test_client.py",
        "infra/client/exports.py": "tests/infra/cli/test_exports.py",
        "infra/client/imports.py": "tests/infra/client/test_uploads.py",
    },
    "It needs a stack, so it is tested by the end-to-end tests or by what they start.": {
        "infra/cli/interrupted_order.py": "tests/e2e/test_verify.py",
        "infra/local/deploy.py": "tests/e2e/test_demo.py",
        "infra/local/demo.py": "tests/e2e/test_demo.py",
        "infra/local/stack.py": "tests/e2e/test_demo.py",
        "infra/tools/browser.py": "tests/e2e/console/test_pages.py",
        "infra/tools/tour.py": "tests/e2e/test_postman.py",
    },
    "It takes pictures for people; tests of the console visit the same pages.": {
        "infra/tools/sample_shop.py": "tests/e2e/console/test_pages.py",
        "infra/tools/screenshots.py": "tests/e2e/console/test_pages.py",
        "infra/tools/views.py": "tests/e2e/console/test_pages.py",
    },
    "It writes a page or a file, which tests compare with the code.": {
        "infra/tools/audit.py": "tests/infra/test_supply.py",
        "infra/tools/columns.py": "tests/infra/test_import_docs.py",
        "infra/tools/grants.py": "tests/infra/test_security_page.py",
    },
    "A script that needs a page: tests of the console run it in a browser.": {
        "functions/console/static/api/api.js": "tests/e2e/console/test_failed_requests.py",
        "functions/console/static/api/load.js": "tests/e2e/console/test_failed_requests.py",
        "functions/console/static/api/session.js": "tests/e2e/console/test_tabs.py",
        "functions/console/static/api/storage.js": "tests/e2e/console/test_typed.py",
        "functions/console/static/api/transfer.js": "tests/e2e/console/test_sending.py",
        "functions/console/static/api/upload.js": "tests/e2e/console/test_sending.py",
        "functions/console/static/api/upload_parts.js": "tests/e2e/console/test_sending.py",
        "functions/console/static/app.js": "tests/e2e/console/test_pages.py",
        "functions/console/static/csv/check.js": "tests/e2e/console/test_check.py",
        "functions/console/static/csv/check_worker.js": "tests/e2e/console/test_check.py",
        "functions/console/static/csv/duplicates.js": "tests/e2e/console/test_check.py",
        "functions/console/static/forms/drafts.js": "tests/e2e/console/test_typed.py",
        "functions/console/static/forms/field_names.js": "tests/e2e/console/test_orders.py",
        "functions/console/static/forms/filters.js": "tests/e2e/console/test_lists.py",
        "functions/console/static/forms/form.js": "tests/e2e/console/test_orders.py",
        "functions/console/static/imports/corrections.js": "tests/e2e/console/test_imports.py",
        "functions/console/static/imports/fault_groups.js": "tests/e2e/console/test_imports.py",
        "functions/console/static/imports/fault_table.js": "tests/e2e/console/test_imports.py",
        "functions/console/static/imports/file_drop.js": "tests/e2e/console/test_imports.py",
        "functions/console/static/imports/import_choose.js": (
            "tests/e2e/console/test_import_lists.py"
        ),
        "functions/console/static/imports/import_check.js": "tests/e2e/console/test_check.py",
        "functions/console/static/imports/import_mapping.js": (
            "tests/e2e/console/test_import_mapping.py"
        ),
        "functions/console/static/imports/import_job.js": (
            "tests/e2e/console/test_import_numbers.py"
        ),
        "functions/console/static/imports/import_new.js": (
            "tests/e2e/console/test_import_options.py"
        ),
        "functions/console/static/imports/import_notices.js": (
            "tests/e2e/console/test_import_numbers.py"
        ),
        "functions/console/static/imports/import_progress.js": (
            "tests/e2e/console/test_import_numbers.py"
        ),
        "functions/console/static/imports/undo_import.js": "tests/e2e/console/test_undo.py",
        "functions/console/static/imports/import_rows.js": "tests/e2e/console/test_imports.py",
        "functions/console/static/imports/import_states.js": (
            "tests/e2e/console/test_import_lists.py"
        ),
        "functions/console/static/imports/import_warnings.js": (
            "tests/e2e/console/test_import_numbers.py"
        ),
        "functions/console/static/imports/export_dialog.js": "tests/e2e/console/test_exports.py",
        "functions/console/static/parts/export_all.js": "tests/e2e/console/test_exports.py",
        "functions/console/static/imports/imports.js": "tests/e2e/console/test_import_lists.py",
        "functions/console/static/imports/upload_button.js": "tests/e2e/console/test_sending.py",
        "functions/console/static/forms/edit.js": "tests/e2e/console/test_changes.py",
        "functions/console/static/forms/metadata.js": "tests/e2e/console/test_changes.py",
        "functions/console/static/later.js": "tests/e2e/console/test_pages.py",
        "functions/console/static/licenses/bulk.js": "tests/e2e/console/test_changes.py",
        "functions/console/static/licenses/extend_dialog.js": "tests/e2e/console/test_changes.py",
        "functions/console/static/licenses/license.js": "tests/e2e/console/test_changes.py",
        "functions/console/static/licenses/license_forms.js": "tests/e2e/console/test_changes.py",
        "functions/console/static/licenses/license_users.js": "tests/e2e/console/test_changes.py",
        "functions/console/static/licenses/policy_dialog.js": "tests/e2e/console/test_changes.py",
        "functions/console/static/api/search.js": "tests/e2e/console/test_search.py",
        "functions/console/static/pages/home.js": "tests/e2e/console/test_home.py",
        "functions/console/static/pages/search.js": "tests/e2e/console/test_search.py",
        "functions/console/static/pages/shortcuts.js": "tests/e2e/console/test_search.py",
        "functions/console/static/parts/combobox.js": "tests/e2e/console/test_search.py",
        "functions/console/static/parts/shortcuts.js": "tests/e2e/console/test_search.py",
        "functions/console/static/pages/activity.js": "tests/e2e/console/test_activity.py",
        "functions/console/static/pages/api_keys.js": "tests/e2e/console/test_api_keys.py",
        "functions/console/static/parts/delete_button.js": "tests/e2e/console/test_deletes.py",
        "functions/console/static/parts/secret.js": "tests/e2e/console/test_api_keys.py",
        "functions/console/static/pages/license_table.js": "tests/e2e/console/test_changes.py",
        "functions/console/static/pages/catalog.js": "tests/e2e/console/test_catalog.py",
        "functions/console/static/pages/customers.js": "tests/e2e/console/test_catalog.py",
        "functions/console/static/pages/features.js": "tests/e2e/console/test_catalog.py",
        "functions/console/static/pages/licenses.js": "tests/e2e/console/test_catalog.py",
        "functions/console/static/pages/order.js": "tests/e2e/console/test_order_page.py",
        "functions/console/static/pages/order_body.js": "tests/e2e/console/test_orders.py",
        "functions/console/static/pages/order_item.js": "tests/e2e/console/test_orders.py",
        "functions/console/static/pages/order_new.js": "tests/e2e/console/test_orders.py",
        "functions/console/static/pages/orders.js": "tests/e2e/console/test_lists.py",
        "functions/console/static/pages/policies.js": "tests/e2e/console/test_catalog.py",
        "functions/console/static/pages/policy_form.js": "tests/e2e/console/test_catalog.py",
        "functions/console/static/pages/product.js": "tests/e2e/console/test_catalog.py",
        "functions/console/static/pages/product_form.js": "tests/e2e/console/test_catalog.py",
        "functions/console/static/pages/products.js": "tests/e2e/console/test_catalog.py",
        "functions/console/static/pages/records.js": "tests/e2e/console/test_lists.py",
        "functions/console/static/pages/sign_in.js": "tests/e2e/console/test_sign_in.py",
        "functions/console/static/pages/term_fields.js": "tests/e2e/console/test_orders.py",
        "functions/console/static/pages/terms.js": "tests/e2e/console/test_orders.py",
        "functions/console/static/parts/buttons.js": "tests/e2e/console/test_sending.py",
        "functions/console/static/parts/fields.js": "tests/e2e/console/test_orders.py",
        "functions/console/static/parts/dialogs.js": "tests/e2e/console/test_by_keyboard.py",
        "functions/console/static/parts/drop.js": "tests/e2e/console/test_imports.py",
        "functions/console/static/parts/focus.js": "tests/e2e/console/test_by_keyboard.py",
        "functions/console/static/parts/formats.js": "tests/e2e/console/test_lists.py",
        "functions/console/static/parts/html.js": "tests/e2e/console/test_safety.py",
        "functions/console/static/parts/icons.js": "tests/e2e/console/test_accessibility.py",
        "functions/console/static/parts/lazy.js": "tests/e2e/console/test_failed_requests.py",
        "functions/console/static/parts/parts.js": "tests/e2e/console/test_pages.py",
        "functions/console/static/parts/route.js": "tests/e2e/console/test_pages.py",
        "functions/console/docs/docs.js": "tests/e2e/console/test_docs.py",
    },
}
"""By reason: modules without a test module of their own, each with the test module that has it."""

SOURCES = [
    *(path for folder in ("shared", "functions", "infra") for path in modules(folder)),
    *sorted((ROOT / "functions" / "console").rglob("*.js")),
]
LISTED = {module: test for entries in ELSEWHERE.values() for module, test in entries.items()}


def mirror(module: str) -> str:
    """The test module with the name of a module."""
    folder, _, name = module.rpartition("/")
    if name.endswith(".js"):
        place = folder.removeprefix("functions/console/").removeprefix("static/")
        return f"tests/console/{place}/{name.removesuffix('.js')}.test.js"
    return f"tests/{folder}/test_{name}"


@pytest.mark.parametrize("module", [path.relative_to(ROOT).as_posix() for path in SOURCES])
def test_a_module_has_the_test_module_of_its_name_or_says_why_not(module: str) -> None:
    has_own = (ROOT / mirror(module)).exists()

    if has_own:
        assert module not in LISTED, f"{mirror(module)} exists: remove the entry of {module}"
    else:
        assert module in LISTED, f"add {mirror(module)}, or an entry of {module} with its reason"


@pytest.mark.parametrize(("module", "test"), LISTED.items())
def test_a_listed_module_exists_and_its_test_module_uses_it(module: str, test: str) -> None:
    assert (ROOT / module).exists(), f"remove the entry of {module}"
    assert (ROOT / test).exists(), f"{test}, which should test {module}, is not there"

    if module.startswith(("shared/", "functions/", "infra/cli", "infra/client")) and test.endswith(
        ".py"
    ):
        is_imported = ROOT / module in ways_from(ROOT / test)
        assert is_imported or test.startswith("tests/e2e/"), f"{test} does not import {module}"


def test_a_module_is_listed_once() -> None:
    assert sum(map(len, ELSEWHERE.values())) == len(LISTED)
