// A worker that checks a file before upload, so that the page stays responsive.
//
// Receives `{file, kind, encoding, dates}`, posts `{share}` for progress and `{result}` at the end.
import { checkFile } from "./file_check.js";
import { loadRules } from "./rules.js";

addEventListener("message", async ({ data }) => {
  try {
    const rules = await loadRules();
    postMessage({ result: await checkFile(data, rules, (share) => postMessage({ share })) });
  } catch (error) {
    setTimeout(() => {
      throw error; // fires the page's `onerror`, which a rejected promise does not
    });
  }
});
