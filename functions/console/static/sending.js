// How a file is sent from a page: how much of it has gone, what went wrong, and a way to stop.
import { useRef } from "preact/hooks";
import { useSignal } from "@preact/signals";
import { Button } from "./fields.js";
import { html } from "./html.js";
import { Notice, say } from "./parts.js";
import { go } from "./route.js";
import { startImport } from "./upload.js";

/** `{share, problem, send, stop}`; `send` goes to the import, and gives how it ended. */
export function useSending(kind) {
  const share = useSignal(null);
  const problem = useSignal(null);
  const abort = useRef(null);
  const send = async (file, options) => {
    abort.current = new AbortController();
    problem.value = null;
    share.value = 0;
    say("Sending the file");
    try {
      const onShare = (sent) => (share.value = sent);
      const job = await startImport(kind, file, options, { onShare, signal: abort.current.signal });
      go(`imports/${kind}/${job.id}`);
      return "sent";
    } catch (error) {
      if (error.name === "AbortError") return "stopped";
      problem.value = error;
      return "failed";
    } finally {
      share.value = null;
    }
  };
  const stop = () => abort.current.abort();
  return { share: share.value, problem: problem.value, send, stop };
}

/** The button, or how far it is; `children` are the words on the button. */
export function SendButton({ sending: { share, problem, stop }, onSend, ready = true, children }) {
  return html`${problem && html`<${Notice} kind="error" problem=${problem} />`}
    <div class="row" data-reserved>${
      share === null
        ? html`<${Button} icon="up" scope="imports:write" onPress=${onSend} aria-disabled=${ready ? undefined : "true"}>
            ${children}<//>`
        : html`<progress class="grow" max="1" value=${share} aria-label="Sending the file"></progress>
            <span>${Math.floor(share * 100)} %</span>
            <button type="button" class="plain" onClick=${stop}>Cancel</button>`
    }</div>`;
}
