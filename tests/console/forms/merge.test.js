import assert from "node:assert/strict";
import { test } from "node:test";
import { changedNames, merge } from "../../../functions/console/static/forms/merge.js";

const BASE = { activations: "5", note: "first", features: { pdf: { on: true } } };
const draft = (typed) => ({ values: { ...BASE, ...typed }, base: BASE, seen: "1" });

test("only fields that differ from the record are changed", () => {
  assert.deepEqual(changedNames(draft({})), []);
  assert.deepEqual(changedNames(draft({ note: "x" })), ["note"]);
  assert.deepEqual(changedNames(draft({ features: { pdf: { on: false } } })), ["features"]);
});

test("a field that nobody typed into gets the current value", () => {
  const merged = merge(draft({ note: "mine" }), { ...BASE, activations: "7" }, "2");

  assert.deepEqual(merged.draft.values, { ...BASE, note: "mine", activations: "7" });
  assert.deepEqual(merged.changes, [{ name: "activations", before: "5", now: "7" }]);
  assert.deepEqual(changedNames(merged.draft), ["note"]);
  assert.equal(merged.draft.seen, "2");
});

test("a typed value is kept, and shown with both others", () => {
  const merged = merge(draft({ note: "mine" }), { ...BASE, note: "theirs" }, "2");

  assert.equal(merged.draft.values.note, "mine");
  assert.deepEqual(merged.changes, [
    { name: "note", before: "first", now: "theirs", typed: "mine" },
  ]);
});

test("the same change by both is none", () => {
  const merged = merge(draft({ note: "same" }), { ...BASE, note: "same" }, "2");

  assert.deepEqual(merged.changes, []);
  assert.deepEqual(changedNames(merged.draft), []);
});

test("a second merge compares with the version of the first", () => {
  const first = merge(draft({ note: "mine" }), { ...BASE, note: "theirs" }, "2");
  const second = merge(first.draft, { ...BASE, note: "theirs", activations: "9" }, "3");

  assert.deepEqual(second.changes, [{ name: "activations", before: "5", now: "9" }]);
  assert.equal(second.draft.values.note, "mine");
});

test("a field that is new has its current value, and one that is gone is left out", () => {
  const { note, ...rest } = BASE;
  const merged = merge(draft({ note: "mine" }), { ...rest, color: "red" }, "2");

  assert.equal(note, "first");
  assert.deepEqual(merged.draft.values, { ...rest, color: "red" });
  assert.deepEqual(merged.changes, []);
});
