// Guess what the rows of a file are, by the columns of its header.
import { BadFile } from "./csv.js";
import { decodeFile, detectDialect } from "./dialect.js";
import { findSimilarColumns } from "./header.js";
import { createMapping } from "./mapping.js";

/** Bytes that are read for the header. */
const HEAD = 256 * 1024;

/** @import { Kind, Rules } from "./rules.js" */

/**
 * The kind whose columns the file has, or null if several or none fit.
 *
 * @param {Blob} file
 * @param {Rules} rules
 */
export async function guessKind(file, rules) {
  const bytes = new Uint8Array(await file.slice(0, HEAD).arrayBuffer());
  const scores = Object.entries(rules.kinds)
    .map(([name, kind]) => ({ name, score: scoreOf(bytes, file.size > HEAD, kind, rules) }))
    .sort((one, other) => other.score - one.score);
  return scores[0].score > scores[1].score ? scores[0].name : null;
}

/**
 * Known columns count most; similar ones decide between kinds that know equally many.
 *
 * @param {Uint8Array} bytes
 * @param {boolean} cut
 * @param {Omit<Kind, "mapping" | "dates">} own
 * @param {Rules} rules
 */
function scoreOf(bytes, cut, own, rules) {
  const kind = /** @type {Kind} */ ({ ...own, mapping: createMapping(), dates: "iso" });
  /** @type {{ columns: string[], names: string[] } | null} */
  let header = null;
  try {
    header = detectDialect(decodeFile(bytes, "", rules, cut).text, kind, rules);
  } catch (error) {
    if (!(error instanceof BadFile)) throw error;
    header = error.header;
  }
  if (!header) return 0;
  const { columns, names } = header;
  const known = Object.keys(kind.columns);
  const similar = findSimilarColumns(columns, names, known, rules);
  return 100 * names.filter((name) => known.includes(name)).length + similar.length;
}
