// A worker that checks a file before upload, so that the page stays responsive.
//
// Receives `{file, sheet, kind, encoding, dates}`, posts `{share}` for progress and `{result}` at the
// end. A workbook is converted first; its result has the file that is uploaded instead. Without a
// kind, the result is `{kind}`, the kind that the columns of the file fit, or null.
import { checkFile } from "./file_check.js";
import { guessKind } from "./guess.js";
import { loadRules } from "./rules.js";

/** @import { Request } from "./file_check.js" */

const WORKBOOK = /\.xls[xm]$/i;

/** @param {Request & { sheet?: string }} request */
async function check({ sheet = "", ...request }) {
  const { file } = request;
  if (!(file instanceof File) || !WORKBOOK.test(file.name)) return readCsv(request);
  const { BadWorkbook, readWorkbook } = await import("./workbook.js");
  try {
    const workbook = await readWorkbook(file, sheet);
    const result = await readCsv({ ...request, file: workbook.csv });
    return request.kind ? { ...result, workbook } : result;
  } catch (error) {
    if (!(error instanceof BadWorkbook)) throw error;
    if (!request.kind) return { kind: null };
    const { code, message, sheets } = error;
    return { error: { code, message }, workbook: { csv: null, sheets, sheet: error.sheet } };
  }
}

/** @param {Request} request */
async function readCsv(request) {
  const rules = await loadRules();
  if (!request.kind) return { kind: await guessKind(request.file, rules) };
  return checkFile(request, rules, (share) => postMessage({ share }));
}

addEventListener("message", async ({ data }) => {
  try {
    postMessage({ result: await check(data) });
  } catch (error) {
    setTimeout(() => {
      throw error; // fires the page's `onerror`, which a rejected promise does not
    });
  }
});
