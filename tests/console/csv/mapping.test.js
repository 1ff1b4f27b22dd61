import assert from "node:assert/strict";
import { test } from "node:test";
import { checkFile } from "../../../functions/console/static/csv/file_check.js";
import {
  createMapping,
  createRowReader,
  isEmptyMapping,
} from "../../../functions/console/static/csv/mapping.js";
import { rules } from "./rules_file.js";

const MAPPING = {
  columns: { Serial: "license__license_key", Kind: "license__license_type", Notes: null },
  constants: { product__short_code: "kp" },
  values: { license__license_type: { lifetime: "perpetual", "*": "wrong" } },
};
const check = (text, mapping = MAPPING, kind = "licenses") =>
  checkFile({ file: new Blob([text]), kind, encoding: "", mapping }, rules);

test("a mapped file has no errors, and its columns are not similar to any", async () => {
  const result = await check("SERIAL,Kind,Notes\na,lifetime,x\nb,,\n");

  assert.deepEqual([result.rows, result.faulty, result.similar], [2, 0, []]);
  assert.deepEqual(result.unknown, ["Notes"]);
  assert.deepEqual(result.samples, [["a", "b"], ["lifetime"], ["x"]]);
});

test("an error has the header and the value of the file", async () => {
  const { faults } = await check("Serial,Kind\na,forever\n");

  const [{ errors }] = faults;
  assert.deepEqual([errors[0].column, errors[0].value], ["Kind", "forever"]);
});

test("rows with the same converted key are duplicates", async () => {
  const values = { license__license_key: { x: "a" } };

  const { repeated } = await check("Serial\na\nx\n", { ...MAPPING, values });

  assert.equal(repeated.rows, 1);
});

test("a required column with a constant is not missing, and may not be in the file", async () => {
  const { error, header } = await check("Serial,product__short_code\na,kp\n");

  assert.equal(error.code, "duplicate_header");
  assert.deepEqual(header.columns, ["Serial", "product__short_code"]);
});

test("a file without a required column names its columns and suggestions", async () => {
  const { error, header } = await check("Serial,SKU\na,kp\n", createMapping());

  assert.equal(error.code, "missing_header");
  assert.deepEqual(header.suggested, {
    Serial: "license__license_key",
    SKU: "product__short_code",
  });
  assert.deepEqual(header.samples, [["a"], ["kp"]]);
});

test("a header of the mapping that the file lacks is a warning", async () => {
  const { warnings } = await check("Serial\na\n");

  assert.match(warnings.join(), /no column Kind/);
});

test("a row without any value has no constants", () => {
  const mapping = { ...createMapping(), constants: { country: "DE" } };
  const read = createRowReader(mapping, ["email", "color"], rules.kinds.customers);

  assert.deepEqual(read(["", "red"]), ["", "red", ""]);
  assert.deepEqual(read(["a@x.test"]), ["a@x.test", "", "DE"]);
});

test("a mapping without anything is empty", () => {
  assert.equal(isEmptyMapping(createMapping()), true);
  assert.equal(isEmptyMapping(MAPPING), false);
});

test("a column has another name, which a mapping can give another meaning", async () => {
  const text = "Serial,License__License-Template Code\na,b\n";
  const none = { Serial: "license__license_key", "License__License-Template Code": null };

  const plain = await check(text);
  const mapped = await check(text, { ...MAPPING, columns: none });

  assert.deepEqual([plain.unknown, plain.similar], [[], []]);
  assert.deepEqual(mapped.unknown, ["License__License-Template Code"]);
});
