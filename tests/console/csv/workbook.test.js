// What tests/infra/cli/test_workbook.py does not have: its workbooks are converted by the command too.
import assert from "node:assert/strict";
import { test } from "node:test";
import { strToU8, zipSync } from "fflate";
import { readWorkbook } from "../../../functions/console/static/csv/workbook.js";

const MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
const RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";

/** A workbook with these cells (XML) in the first row of a sheet by name. */
const write = (sheets) => {
  const names = Object.keys(sheets);
  const relation = (_, at) =>
    `<Relationship Id="r${at}" Type="${RELATIONS}/worksheet" Target="worksheets/${at}.xml"/>`;
  const sheet = (name, at) => `<sheet name="${name}" sheetId="${at + 1}" r:id="r${at}"/>`;
  const parts = {
    "xl/_rels/workbook.xml.rels": `<Relationships>${names.map(relation).join("")}</Relationships>`,
    "xl/workbook.xml": `<workbook xmlns="${MAIN}" xmlns:r="${RELATIONS}"><sheets>${names.map(sheet).join("")}</sheets></workbook>`,
  };
  for (const [at, name] of names.entries())
    parts[`xl/worksheets/${at}.xml`] =
      `<worksheet xmlns="${MAIN}"><sheetData><row r="1">${sheets[name]}</row></sheetData></worksheet>`;
  const packed = Object.entries(parts).map(([name, text]) => [name, strToU8(text)]);
  return new File([zipSync(Object.fromEntries(packed))], "kunden.2027.xlsx");
};

test("the sheet that is converted and those that can be chosen are named", async () => {
  const file = write({ First: '<c r="A1"><v>1</v></c>', "A &amp; B": '<c r="A1"><v>2</v></c>' });

  const first = await readWorkbook(file, "");
  const second = await readWorkbook(file, "A & B");

  assert.deepEqual([first.sheet, first.sheets], ["First", ["First", "A & B"]]);
  assert.deepEqual([first.csv.name, await first.csv.text()], ["kunden.2027.csv", "1\n"]);
  assert.equal(await second.csv.text(), "2\n");
});

test("another sheet can be chosen instead of one that is refused", async () => {
  const file = write({ Bad: '<c r="A1" t="e"><v>#N/A</v></c>', Good: '<c r="A1"><v>2</v></c>' });

  await assert.rejects(readWorkbook(file, ""), (error) => {
    assert.deepEqual([error.code, error.sheet], ["bad_workbook", "Bad"]);
    assert.deepEqual(error.sheets, ["Bad", "Good"]);
    return true;
  });
});

test("at most five cells are named", async () => {
  const cells = [..."ABCDEFG"].map((column) => `<c r="${column}1"><f>1</f><v/></c>`).join("");

  await assert.rejects(readWorkbook(write({ Formulas: cells }), ""), /: A1, B1, C1, D1, E1\. Open/);
});

test("a text that a formula has as its result may be empty", async () => {
  const empty = '<c r="A1"><v>1</v></c><c r="B1" t="str"><f>""</f><v></v></c>';

  assert.equal(await (await readWorkbook(write({ Empty: empty }), "")).csv.text(), "1\n");
});

test("a workbook above 50 MB is refused before it is read", async () => {
  const file = { size: 51 * 1024 ** 2 };

  await assert.rejects(readWorkbook(file, ""), /larger than 50 MB/);
});
