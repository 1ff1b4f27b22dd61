// The page's side of the worker that checks files.
const SCRIPT = new URL("check.js", import.meta.url).href;
/** The only script that the page ever starts by its address. */
const policy = globalThis.trustedTypes?.createPolicy("keywright", {
  createScriptURL: () => SCRIPT,
});

const UNCHECKED = {
  code: "unchecked",
  message: "It could not be checked: a part of the console did not come. The file is still here.",
};

/**
 * Looks through a file and tells `{share}` meanwhile, then `{done: true, …}` with what was found.
 * Gives the function that stops it.
 */
export function lookThrough(file, kind, encoding, tell) {
  const worker = new Worker(policy ? policy.createScriptURL("") : SCRIPT, { type: "module" });
  worker.onmessage = ({ data }) => {
    if (!data.found) tell({ done: false, share: data.share });
    else {
      tell({ done: true, ...data.found });
      worker.terminate();
    }
  };
  worker.onerror = (event) => {
    event.preventDefault();
    tell({ done: true, refusal: UNCHECKED });
    worker.terminate();
  };
  worker.postMessage({ file, kind, encoding });
  return () => worker.terminate();
}
