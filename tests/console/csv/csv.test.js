import assert from "node:assert/strict";
import { test } from "node:test";
import { countLines, isBlank, parseRecords } from "../../../functions/console/static/csv/csv.js";

function parse(text, delimiter = ",") {
  const found = [];
  parseRecords(text, delimiter, (cells, fault, end, quoteAt) => {
    found.push({ cells, fault, end, quoteAt });
    return true;
  });
  return found;
}

const cellsOf = (text, delimiter) => parse(text, delimiter).map(({ cells }) => cells);

test("each line is a record", () => {
  assert.deepEqual(cellsOf("a,b\nc,d"), [
    ["a", "b"],
    ["c", "d"],
  ]);
});

test("a line break at the end is followed by a blank record", () => {
  assert.deepEqual(cellsOf("a\n"), [["a"], [""]]);
});

test("only the given delimiter divides cells", () => {
  assert.deepEqual(cellsOf("a,b;c", ";"), [["a,b", "c"]]);
});

test("a quoted cell may have delimiters, line breaks and doubled quotes", () => {
  assert.deepEqual(cellsOf('"a,1","b\n2","c ""3"""'), [["a,1", "b\n2", 'c "3"']]);
});

test("a byte order mark belongs to the first cell", () => {
  assert.deepEqual(cellsOf("\ufeffa,b"), [["\ufeffa", "b"]]);
});

test("a record with text after a closing quote ends with its line", () => {
  const [, faulty, next] = parse('a,b\n"c"d,e\nf,g\n');

  assert.equal(faulty.fault, "stray_quote");
  assert.equal(faulty.quoteAt, 4);
  assert.deepEqual(next.cells, ["f", "g"]);
  assert.equal(next.fault, undefined);
});

test("text after empty quotes is a stray quote, as on the server", () => {
  for (const line of ['""d,kp', 'x,""d', '"";kp'])
    assert.equal(parse(`a,b\n${line}\n`)[1].fault, "stray_quote", line);
});

test("a doubled quote does not close a cell", () => {
  assert.equal(parse('a,b\nc,"d"" e\n')[1].fault, "unbalanced_quote");
});

test("a quote that is not closed is a fault of its record", () => {
  const [, faulty] = parse('a,b\nc,"d\ne,f\n');

  assert.equal(faulty.fault, "unbalanced_quote");
  assert.equal(faulty.quoteAt, 6);
});

test("parsing ends when a record is declined", () => {
  const taken = [];

  parseRecords("a\nb\nc\n", ",", ([cell]) => taken.push(cell) < 2);

  assert.deepEqual(taken, ["a", "b"]);
});

test("the end of a record is where the next one starts", () => {
  const text = 'a,b\n"c\nd",e\nf,g';

  const starts = [0, ...parse(text).map(({ end }) => end)];

  assert.deepEqual(
    starts.slice(0, -1).map((start, at) => text.slice(start, starts[at + 1])),
    ["a,b\n", '"c\nd",e\n', "f,g"],
  );
});

test("every kind of line break counts once", () => {
  assert.equal(countLines("a\nb\r\nc\rd"), 3);
});

test("white space within one line is blank, other invisible text is not", () => {
  assert.ok(isBlank(["", " ", "\t\u00a0"]));
  for (const cell of ["x", "\n", "\r", "\ufeff", "\u200b"]) assert.ok(!isBlank(["", cell]), cell);
});
