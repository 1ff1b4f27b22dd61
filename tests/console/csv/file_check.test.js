import assert from "node:assert/strict";
import { test } from "node:test";
import { checkFile } from "../../../functions/console/static/csv/file_check.js";
import { rules } from "./rules_file.js";

const KEY = "license__license_key,product__short_code";
const check = (text, options = {}) =>
  checkFile({ file: new Blob([text]), kind: "licenses", encoding: "", ...options }, rules);

test("rows are counted without blank ones, and the first are kept", async () => {
  const result = await check(`${KEY}\na,kp\n\n ,\nb,kp\n`);

  assert.equal(result.rows, 2);
  assert.equal(result.faulty, 0);
  assert.deepEqual(result.preview, [
    ["a", "kp"],
    ["b", "kp"],
  ]);
});

test("a fault has its row, its line, and the header as it is written", async () => {
  const { faults } = await check(`${KEY.toUpperCase()},Note\na,kp,"x\ny"\n,kp,z\n`);

  assert.deepEqual(
    faults.map(({ row, line, errors }) => [row, line, errors.map(({ column }) => column)]),
    [[2, 4, ["LICENSE__LICENSE_KEY"]]],
  );
});

for (const [code, row] of [
  ["extra_fields", "a,kp,b"],
  ["stray_quote", '"a"b,kp'],
  ["stray_quote", '""a,kp'],
  ["stray_quote", 'a, "kp"'],
])
  test(`the row ${row} has the fault ${code}`, async () => {
    const { faults } = await check(`${KEY}\n${row}\nlast,kp\n`);

    assert.deepEqual(
      faults.map((each) => each.errors.map((error) => error.code)),
      [[code]],
    );
  });

test("a quote that is not closed refuses the file at its line", async () => {
  const { error } = await check(`${KEY}\na,kp\n"b,kp\nc,kp\n`);

  assert.deepEqual([error.code, error.line], ["unbalanced_quote", 3]);
});

test("of many faulty rows the first 200 are listed and all are counted", async () => {
  const { faulty, faults } = await check(`${KEY}\n${",kp\n".repeat(300)}`);

  assert.deepEqual([faulty, faults.length], [300, 200]);
});

test("columns that are not imported are named, and similar ones too", async () => {
  const { unknown, similar } = await check(`${KEY},Shoe,licence__note,_row\na,kp,,,1\n`);

  assert.deepEqual(unknown, ["Shoe", "licence__note"]);
  assert.deepEqual(similar, [{ column: "licence__note", similar: ["license__note"] }]);
});

test("customers without an email column are a warning", async () => {
  const { warnings } = await check("first_name\nAna\n", { kind: "customers" });

  assert.match(warnings[0], /The column email is missing/);
});

test("a blank key is an error unless the import generates keys", async () => {
  const text = `${KEY}\n,kp\nK-1,\n`;

  const required = await check(text);
  const generated = await check(text, { keys: "generate" });

  assert.deepEqual([required.faulty, generated.faulty], [2, 1]);
  assert.equal(generated.faults[0].errors[0].column, "product__short_code");
});

test("cutting a large file causes no errors", async () => {
  const bytes = (text) => new TextEncoder().encode(text);
  const head = bytes(`${KEY}\na,kp\n`);
  for (const tail of ["b,\u00e9\n", '"b\nc","k\np"\n', "b,kp\r\n"]) {
    const file = new Blob([head, tail, "c,kp\n"]);
    for (let most = head.length; most < head.length + bytes(tail).length; most += 1) {
      const { error, faults, cut } = await check("", { file, most });

      assert.deepEqual([error, faults, cut], [undefined, [], true], `${most} bytes`);
    }
  }
});

test("columns of custom fields keep the names of their headers, and are not ignored", async () => {
  const text = `${KEY},License__Custom__Seats,other\na,kp,5,x\n`;

  const { names, unknown, similar, faulty } = await check(text);

  assert.deepEqual(names, [...KEY.split(","), "license__custom__Seats", "other"]);
  assert.deepEqual([unknown, similar, faulty], [["other"], [], 0]);
});

test("custom fields are in one column or in a column each", async () => {
  const { error } = await check(`${KEY},license__custom__seats,license__custom_fields\na,kp,5,\n`);

  assert.deepEqual([error.code, error.column], ["duplicate_header", "license__custom__seats"]);
});

for (const [row, codes] of [
  [",up,o-1,ana@x.test;ben@x.test*,", []],
  [",up,o-1,,", ["required"]],
  [",up,o-1,ana@x.test,2", ["quantity_with_users"]],
  ["K-1,up,o-1,ana@x.test,2", ["quantity_with_key"]],
])
  test(`a row with users needs no key: ${row}`, async () => {
    const header = `${KEY},order__store_id,license__users,license__quantity`;

    const { faults } = await check(`${header}\n${row}\n`);

    assert.deepEqual(
      faults.flatMap((each) => each.errors.map((error) => error.code)),
      codes,
    );
  });

test("the rows of a bundle share its key, and each is one license", async () => {
  const header = "license__license_key,license__bundle_key,product__short_code";
  const bundle = ["bnd", "p1", "p2"].map((code) => `B-1,B-1,${code}\n`).join("");

  const { repeated, faulty } = await check(`${header}\n${bundle}B-1,B-1,p1\n`);

  assert.deepEqual([faulty, repeated.rows], [0, 1]);
  assert.equal(repeated.listed[0].first, 2);
});

for (const [row, codes] of [
  [",kp,3", []],
  ["a,kp,1", []],
  ["a,kp,2", ["quantity_with_key"]],
  ["a,kp,0", ["invalid_value"]],
  ["#REF!,kp,2", ["invalid_value"]],
])
  test(`a row with a key is one license: ${row}`, async () => {
    const { faults } = await check(`${KEY},license__quantity\n${row}\n`, { keys: "generate" });

    assert.deepEqual(
      faults.flatMap((each) => each.errors.map((error) => error.code)),
      codes,
    );
  });
