// Which column a header names, and which one it may have meant, as the server decides it.

/** Letters from which one changed letter, or a word more or less, is a likely slip. */
const SHORTEST = 5;
const LONGEST = 200;

/** A name as headers are compared: without case, blanks, `-`, `_` and invisible characters. */
export const squeezed = (name, format) =>
  name.toLowerCase().replace(new RegExp(`(?:${format}|[\\s_-])+`, "gu"), "");

/** The known column that each header names; of any other header, itself in lower case. */
export function matched(columns, known, format) {
  const names = new Map(known.map((name) => [squeezed(name, format), name]));
  return columns.map((column) => names.get(squeezed(column, format)) ?? column.toLowerCase());
}

/** The headers that name no known column but may have meant one that the file lacks. */
export function similarColumns(columns, names, known, format) {
  const forms = known.map((name) => [
    name,
    [squeezed(name, format), squeezed(bare(name), format)],
  ]);
  return columns.flatMap((column, at) => {
    if (!column || known.includes(names[at]) || column.length > LONGEST) return [];
    const whole = squeezed(column, format);
    const similar = similarTo(column, whole, forms).filter((name) => !names.includes(name));
    return similar.length ? [{ column, similar }] : [];
  });
}

function similarTo(column, whole, forms) {
  const those = (fits) => forms.filter(([, own]) => own.some(fits)).map(([name]) => name);
  const same = those((form) => form === whole);
  if (same.length) return same;
  const near = those((form) => isSlip(whole, form));
  if (near.length) return near;
  const words =
    column.replace(/(?<=[a-z0-9])(?=[A-Z])/g, " ").match(/[\p{L}\p{N}]+/gu) ?? [];
  for (const some of [words.slice(0, -1), words.slice(1)]) {
    const shorter = some.join("").toLowerCase();
    const found = those((form) => form === shorter);
    if (found.length && shorter.length >= SHORTEST) return found;
  }
  const byWord = forms.filter(
    ([name]) => whole.length >= SHORTEST && shortened(name).includes(whole),
  );
  return byWord.length === 1 ? [byWord[0][0]] : [];
}

/** A column without its prefix, such as `license__`. */
const bare = (name) => name.slice(name.lastIndexOf("__") + 1).replace(/^_/, "");

/** What a column is called with its first or last word left out. */
function shortened(name) {
  const words = bare(name).split("_");
  return [words.slice(1).join(""), words.slice(0, -1).join("")];
}

/** Whether one letter more, less or changed, or two swapped, makes one name the other. */
function isSlip(one, other) {
  if (other.length < SHORTEST || Math.abs(one.length - other.length) > 1) return false;
  let start = 0;
  while (start < Math.min(one.length, other.length) && one[start] === other[start]) start += 1;
  const a = one.slice(start);
  const b = other.slice(start);
  const swapped = a.length > 1 && a[0] === b[1] && a[1] === b[0] && a.slice(2) === b.slice(2);
  return a.slice(1) === b.slice(1) || a.slice(1) === b || a === b.slice(1) || swapped;
}
