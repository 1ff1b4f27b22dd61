// The button that opens the export of all records of a kind; its dialog is in the second bundle.

/** @import { ImportKind } from "../api/types.ts" */
import { useSignal } from "@preact/signals";
import { Button } from "./buttons.js";
import { html } from "./html.js";
import { Lazy } from "./lazy.js";

const fetchDialog = async () => (await import("../later.js")).ExportDialog;

/** @param {{ kind: ImportKind, title: string }} props */
export function ExportAll({ kind, title }) {
  const open = useSignal(false);
  return html`<${Button} plain icon="down" onPress=${() => (open.value = true)}>Export all<//>
    ${
      open.value &&
      html`<${Lazy} fetch=${fetchDialog} kind=${kind} title=${title}
        onClose=${() => (open.value = false)} />`
    }`;
}
