// A new import of a file whose kind is not known yet: its columns tell, or the user.

/** @import { ImportKind } from "../api/types.ts" */
import { useEffect } from "preact/hooks";
import { useSignal } from "@preact/signals";
import { startGuess } from "../csv/check_worker.js";
import { Button } from "../parts/buttons.js";
import { openWithFile, takeFile, useDrop } from "../parts/drop.js";
import { html } from "../parts/html.js";
import { announce, Notice, Page } from "../parts/parts.js";
import { go, link } from "../parts/route.js";
import { FileDrop, validateFile } from "./file_drop.js";
import { KINDS, REQUIRED } from "./import_states.js";

export function ChooseImport() {
  const file = useSignal(/** @type {File | null} */ (null));
  const error = useSignal("");
  const guessing = useSignal(false);
  const choose = async (/** @type {File} */ chosen) => {
    error.value = validateFile(chosen);
    file.value = error.value ? null : chosen;
    if (error.value) return announce(error.value);
    guessing.value = true;
    const kind = await startGuess(chosen);
    if (file.peek() !== chosen) return undefined;
    guessing.value = false;
    if (kind) return openWithFile(kind, chosen);
    return announce("Choose what the rows of the file are");
  };
  useDrop(choose);
  useEffect(() => {
    const dropped = takeFile();
    if (dropped) choose(dropped);
    return () => (file.value = null); // a guess that comes later opens nothing
  }, []);
  const open = (/** @type {ImportKind} */ kind) =>
    file.value ? openWithFile(kind, file.value) : go(`imports/${kind}/new`);
  return html`<${Page} title="Import a file" back=${{ href: link("imports"), text: "Imports" }}
    lead="Licenses, customers or license features: the columns of the file tell which.">
    <${FileDrop} file=${file.value} onFile=${choose}>
      Or choose below what the rows are, to see the columns and download a template.
    <//>
    ${
      error.value &&
      html`<${Notice} kind="error" title="Can’t import this file"><p>${error.value}</p><//>`
    }
    ${
      file.value &&
      !guessing.value &&
      html`<${Notice} kind="warning" title="The columns don’t tell what the rows are">
        <p>Choose it below. You can then say which column is which.</p>
      <//>`
    }
    <ul class="kinds" aria-busy=${guessing.value ? "true" : undefined}>
      ${
        /** @type {ImportKind[]} */ (Object.keys(KINDS)).map(
          (
            kind,
          ) => html`<li class="card"><div><h2>${KINDS[kind].title}</h2><p class="soft">${REQUIRED[kind]}</p></div>
            <${Button} plain icon="up" scope="imports:write" onPress=${() => open(kind)}>Import ${KINDS[kind].one}s<//></li>`,
        )
      }
    </ul>
  <//>`;
}
