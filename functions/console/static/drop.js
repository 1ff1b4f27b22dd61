// Files dropped on the window: a page may accept them anywhere; elsewhere the console stays open.
import { useEffect } from "preact/hooks";
import { signal } from "@preact/signals";
import { go } from "./route.js";

/** Whether a file is dragged over a page that accepts it. */
export const dragged = signal(false);
let accept = null;

/** While the component is shown, `onFile` gets the first file that is dropped on the window. */
export function useDrop(onFile) {
  useEffect(() => {
    accept = onFile;
    return () => {
      if (accept === onFile) accept = null;
    };
  });
}

/** The file that was dropped on another page of imports, for the page that sends it. */
let handed = null;

export function handOver(kind, file) {
  handed = file;
  go(`imports/${kind}/new`);
}

export function takeHanded() {
  const file = handed;
  handed = null;
  return file;
}

function drag(event) {
  if (!event.dataTransfer?.types.includes("Files")) return;
  event.preventDefault();
  event.dataTransfer.dropEffect = accept ? "copy" : "none";
  dragged.value = event.type !== "drop" && Boolean(accept);
  if (event.type === "drop" && event.dataTransfer.files[0]) accept?.(event.dataTransfer.files[0]);
}

for (const type of ["dragenter", "dragover", "drop"]) addEventListener(type, drag);
addEventListener("dragleave", ({ relatedTarget }) => {
  if (!relatedTarget) dragged.value = false;
});
