// Drag and drop of files. Import pages accept a file anywhere in the window; on other pages a drop does
// nothing, instead of the browser opening the file.

/** @import { Signal } from "@preact/signals" */
/** @import { ImportKind } from "../api/types.ts" */
import { useEffect } from "preact/hooks";
import { signal } from "@preact/signals";
import { go } from "./route.js";

/** Whether a file is dragged over a page that accepts it. */
export const dragged = signal(false);
/** @typedef {(file: File) => void} OnFile */
/** @type {OnFile | null} */
let accept = null;

/**
 * While the component is mounted, pass the first file dropped on the window to `onFile`.
 *
 * @type {(onFile: OnFile) => void}
 */
export function useDrop(onFile) {
  useEffect(() => {
    accept = onFile;
    return () => {
      if (accept === onFile) accept = null;
    };
  });
}

/** @type {File | null} */
let droppedFile = null;

/**
 * Open the page of a new import with a file that was dropped or chosen on another page; without a
 * kind, the page that asks for it.
 *
 * @type {(kind: ImportKind | null, file: File) => void}
 */
export function openWithFile(kind, file) {
  droppedFile = file;
  go(kind ? `imports/${kind}/new` : "imports/new");
}

export function takeFile() {
  const file = droppedFile;
  droppedFile = null;
  return file;
}

/** @type {(event: DragEvent) => void} */
function handleDrag(event) {
  if (!event.dataTransfer?.types.includes("Files")) return;
  event.preventDefault();
  event.dataTransfer.dropEffect = accept ? "copy" : "none";
  dragged.value = event.type !== "drop" && Boolean(accept);
  if (event.type === "drop" && event.dataTransfer.files[0]) accept?.(event.dataTransfer.files[0]);
}

addEventListener("dragenter", handleDrag);
addEventListener("dragover", handleDrag);
addEventListener("drop", handleDrag);
addEventListener("dragleave", ({ relatedTarget }) => {
  if (!relatedTarget) dragged.value = false;
});
