// The button that deletes the record of a page, after its name was typed.

/** @import { Failure } from "../api/types.ts" */
import { useSignal } from "@preact/signals";
import * as api from "../api/api.js";
import { Button, ErrorLine } from "./buttons.js";
import { confirm } from "./dialogs.js";
import { html } from "./html.js";
import { announce } from "./parts.js";
import { go } from "./route.js";

/**
 * `what` names the kind of the record, such as "license", and `typed` is what has to be typed. After
 * the deletion, the page `back` is shown.
 *
 * @param {{ path: string, what: string, typed: string, text: string, back: string }} props
 */
export function DeleteButton({ path, what, typed, text, back }) {
  const error = useSignal(/** @type {Failure | null} */ (null));
  const remove = async () => {
    const earlier = error.value;
    const question = { title: `Delete this ${what}?`, text, action: `Delete ${what}`, typed };
    if (!(await confirm(question))) return;
    error.value = null;
    try {
      await api.remove(path);
    } catch (problem) {
      const failure = /** @type {Failure} */ (problem);
      if (!wasDeleted(failure, earlier)) {
        error.value = failure;
        return;
      }
    }
    announce(`${what[0]?.toUpperCase()}${what.slice(1)} deleted`);
    go(back);
  };
  return html`<${Button} plain danger scope="orders:write" onPress=${remove}>Delete ${what}<//>
    ${error.value && html`<${ErrorLine} what="Not deleted" problem=${error.value} />`}`;
}

/**
 * Whether an earlier attempt, whose response was lost, has deleted the record.
 *
 * @param {Failure} failure
 * @param {Failure | null} earlier
 */
const wasDeleted = (failure, earlier) =>
  failure.status === 404 && earlier !== null && (!earlier.status || earlier.status >= 500);
