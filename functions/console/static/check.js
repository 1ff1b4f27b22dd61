// The worker that looks through a file before it is sent, so that the page stays free meanwhile.
//
// It is told `{file, kind, encoding}`, tells `{share}` on its way, and `{found}` in the end.
import { look } from "./look.js";
import { loadRules } from "./rules.js";

onmessage = async ({ data }) => {
  try {
    const rules = await loadRules();
    postMessage({ found: await look(data, rules, (share) => postMessage({ share })) });
  } catch (error) {
    setTimeout(() => {
      throw error; // where the page hears of it, which of a promise it does not
    });
  }
};
