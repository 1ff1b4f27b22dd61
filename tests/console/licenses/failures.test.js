import assert from "node:assert/strict";
import { test } from "node:test";
import { failedLicenses } from "../../../functions/console/static/licenses/failures.js";

const SENT = [{ id: 11 }, { id: 12 }, { id: 13 }];

test("a failed license is named by its position", () => {
  const faults = [{ pointer: "/1/max_activations", code: "invalid_value", message: "is negative" }];

  assert.deepEqual(failedLicenses(faults, SENT), [{ license: SENT[1], message: "is negative" }]);
});

test("several faults of a license are one line", () => {
  const faults = [
    { pointer: "/2/updated_at", code: "changed_meanwhile", message: "license 13 was changed" },
    { pointer: "/2/note", code: "changed_meanwhile", message: "note is x now" },
    { pointer: "/0", code: "license_not_found", message: "There is no license 11" },
  ];

  assert.deepEqual(
    failedLicenses(faults, SENT).map(({ license, message }) => [license.id, message]),
    [
      [13, "changed meanwhile. The list shows its current terms."],
      [11, "There is no license 11"],
    ],
  );
});

test("a fault of the whole request names no license", () => {
  for (const pointer of [null, "", "/", "/9", "/x", "/1x"])
    assert.deepEqual(failedLicenses([{ pointer, code: "c", message: "m" }], SENT), []);
});
