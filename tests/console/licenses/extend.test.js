import assert from "node:assert/strict";
import { test } from "node:test";
import {
  addMonths,
  addToDuration,
  extendLicense,
  extendMaintenance,
} from "../../../functions/console/static/licenses/extend.js";

const TODAY = "2026-11-26";

for (const [day, months, expected] of [
  ["2027-03-12", 12, "2028-03-12"],
  ["2027-12-31", 1, "2028-01-31"],
  ["2027-01-31", 1, "2027-02-28"],
  ["2028-01-31", 1, "2028-02-29"],
  ["2028-02-29", 12, "2029-02-28"],
  ["2028-02-29", 48, "2032-02-29"],
  ["9999-01-01", 12, null],
  ["9998-12-31", 12, "9999-12-31"],
])
  test(`${day} and ${months} months is ${expected}`, () => {
    assert.equal(addMonths(day, months), expected);
  });

for (const [duration, months, expected] of [
  ["1y", 12, "2y"],
  ["1y", 1, "13m"],
  ["6m", 12, "18m"],
  ["30d", 12, "395d"],
  ["30d", 1, "60d"],
  ["12h", 1, "732h"],
  ["90min", 1, "43290min"],
  ["90min", 36, null],
  ["99999y", 12, null],
  ["soon", 12, null],
])
  test(`${duration} and ${months} months is ${expected}`, () => {
    assert.equal(addToDuration(duration, months), expected);
  });

test("a license is extended from its end", () => {
  assert.deepEqual(extendLicense({ validity_period: "2027-03-12" }, TODAY, 12), {
    field: "validity_period",
    before: "2027-03-12",
    after: "2028-03-12",
    late: false,
  });
});

test("a license that has ended is extended from today", () => {
  const { after, late } = extendLicense({ validity_period: "2020-01-01" }, TODAY, 12);

  assert.deepEqual([after, late], ["2027-11-26", true]);
});

test("an end date takes precedence over a duration", () => {
  const terms = { validity_period: "2027-03-12", valid_duration: "1y" };

  assert.equal(extendLicense(terms, TODAY, 12).field, "validity_period");
  assert.equal(extendLicense({ valid_duration: "1y" }, TODAY, 12).after, "2y");
});

test("a license without an end is not extended", () => {
  assert.equal(extendLicense({}, TODAY, 12), null);
  assert.equal(extendMaintenance({}, TODAY, 12), null);
  assert.equal(extendMaintenance({ maintenance_duration: "1y" }, TODAY, 12), null);
});

test("maintenance is extended by itself", () => {
  const terms = { validity_period: "2027-03-12", maintenance_period: "2027-01-01" };

  assert.equal(extendMaintenance(terms, TODAY, 12).after, "2028-01-01");
  const duration = { enable_maintenance_period: true, maintenance_duration: "1y" };
  assert.equal(extendMaintenance(duration, TODAY, 12).after, "2y");
});
