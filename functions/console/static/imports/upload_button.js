// The button that uploads a file, its progress, its error, and a button to cancel.

/** @import { Failure, ImportKind } from "../api/types.ts" */
/** @import { ImportOptions } from "../api/upload.js" */
/** @import { Children } from "../parts/types.ts" */
import { useRef } from "preact/hooks";
import { useSignal } from "@preact/signals";
import { Button } from "../parts/buttons.js";
import { html } from "../parts/html.js";
import { announce, Notice } from "../parts/parts.js";
import { go } from "../parts/route.js";
import { startImport } from "../api/upload.js";

/**
 * Returns `{share, problem, send, cancel}`. `send` opens the page of the import, and resolves to "sent",
 * "cancelled" or "failed".
 *
 * @param {ImportKind} kind
 */
export function useUpload(kind) {
  const share = useSignal(/** @type {number | null} */ (null));
  const problem = useSignal(/** @type {Failure | null} */ (null));
  const controller = useRef(/** @type {AbortController | null} */ (null));
  /**
   * @param {File} file
   * @param {ImportOptions} options
   */
  const send = async (file, options) => {
    const aborter = new AbortController();
    controller.current = aborter;
    const { signal } = aborter;
    problem.value = null;
    share.value = 0;
    announce("Uploading the file");
    try {
      const onShare = (/** @type {number} */ sent) => {
        share.value = sent;
      };
      const job = await startImport(kind, file, options, { onShare, signal });
      go(`imports/${kind}/${job.id}`);
      return "sent";
    } catch (thrown) {
      const error = /** @type {Failure} */ (thrown);
      if (error.name === "AbortError") return "cancelled";
      problem.value = error;
      return "failed";
    } finally {
      share.value = null;
    }
  };
  const cancel = () => controller.current?.abort();
  return { share: share.value, problem: problem.value, send, cancel };
}

/** @typedef {ReturnType<typeof useUpload>} Upload */

/**
 * The button, or while a file is sent its progress; `children` are the button's text.
 *
 * @param {{ upload: Upload, onSend: () => Promise<void>, ready?: boolean, children: Children }} props
 */
export function UploadButton({
  upload: { share, problem, cancel },
  onSend,
  ready = true,
  children,
}) {
  return html`${problem && html`<${Notice} kind="error" problem=${problem} />`}
    <div class="row" data-reserved>${
      share === null
        ? html`<${Button} icon="up" scope="imports:write" onPress=${onSend} aria-disabled=${ready ? undefined : "true"}>
            ${children}<//>`
        : html`<progress class="grow" max="1" value=${share} aria-label="Uploading the file"></progress>
            <span>${Math.floor(share * 100)} %</span>
            <button type="button" class="plain" onClick=${cancel}>Cancel upload</button>`
    }</div>`;
}
