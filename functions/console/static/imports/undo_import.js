// The button that undoes an import: it shows the counts of a dry run before anything is changed.

/** @import { Failure, Import } from "../api/types.ts" */
import { useSignal } from "@preact/signals";
import * as api from "../api/api.js";
import { Button, ErrorLine } from "../parts/buttons.js";
import { confirm } from "../parts/dialogs.js";
import { html } from "../parts/html.js";
import { go } from "../parts/route.js";
import { countReverted, describeUndo } from "./import_result.js";
import { isChanging } from "./import_states.js";

const INTERVAL = 700;
/** Records that are reverted without a typed confirmation. */
const MOST_UNTYPED = 100;

/** @param {{ job: Import }} props */
export function UndoButton({ job }) {
  const error = useSignal(/** @type {Failure | null} */ (null));
  const undo = async () => {
    error.value = null;
    try {
      const planned = await ended(await start(job, true));
      if (planned.state !== "succeeded") go(pageOf(planned));
      else if (await confirm(question(job, planned))) go(pageOf(await commit(job, planned)));
    } catch (problem) {
      error.value = /** @type {Failure} */ (problem);
    }
  };
  return html`<${Button} plain danger scope="imports:undo" onPress=${undo}>Undo…<//>
    ${error.value && html`<${ErrorLine} what="Not undone" problem=${error.value} />`}`;
}

/** @type {(job: Import, dry_run: boolean) => Promise<Import>} */
const start = (job, dry_run) => api.post(`imports/${job.id}/undo/`, { dry_run });

/** @type {(job: Import, planned: Import) => Promise<Import>} */
const commit = (job, planned) =>
  planned.plan
    ? api.post(`imports/${planned.id}/commit/`, { hash: planned.plan.hash })
    : start(job, false);

/** @type {(job: Import) => string} */
const pageOf = (job) => `imports/${job.kind}/${job.id}`;

/** @type {(job: Import) => Promise<Import>} */
async function ended(job) {
  let shown = job;
  while (isChanging(shown)) {
    await new Promise((resolve) => setTimeout(resolve, INTERVAL));
    shown = await api.get(`imports/${job.id}/`);
  }
  return shown;
}

/** @type {(job: Import, planned: Import) => import("../parts/dialogs.js").Question} */
const question = (job, planned) => ({
  title: `Undo import ${job.id}?`,
  text: `${describeUndo(planned)}. This can’t be reversed; the file can be imported again.`,
  action: "Undo import",
  typed: countReverted(planned) > MOST_UNTYPED ? String(job.id) : "",
});
