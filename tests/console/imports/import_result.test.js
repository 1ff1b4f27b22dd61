import assert from "node:assert/strict";
import { test } from "node:test";

/** @typedef {import("../../../functions/console/static/api/types.ts").Import} Import */

test("an undo counts one record in the singular", async () => {
  // The module of states reads the address when it is loaded.
  Object.assign(globalThis, { location: { hash: "" }, addEventListener() {} });
  const { describeUndo } = await import(
    "../../../functions/console/static/imports/import_result.js"
  );
  const counts = { reverted_licenses_count: 10, reverted_customers_count: 1 };
  const job = /** @type {Import} */ (/** @type {unknown} */ ({ counts, dry_run: false }));

  assert.match(describeUndo(job), /10 licenses, 1 customer removed/);
});
