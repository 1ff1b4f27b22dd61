// Drag and drop of files. Import pages accept a file anywhere in the window; on other pages a drop does
// nothing, instead of the browser opening the file.
import { useEffect } from "preact/hooks";
import { signal } from "@preact/signals";
import { go } from "./route.js";

/** Whether a file is dragged over a page that accepts it. */
export const dragged = signal(false);
let accept = null;

/** While the component is mounted, pass the first file dropped on the window to `onFile`. */
export function useDrop(onFile) {
  useEffect(() => {
    accept = onFile;
    return () => {
      if (accept === onFile) accept = null;
    };
  });
}

let droppedFile = null;

/** Open the page of a new import with a file that was dropped on another page. */
export function openWithFile(kind, file) {
  droppedFile = file;
  go(`imports/${kind}/new`);
}

export function takeFile() {
  const file = droppedFile;
  droppedFile = null;
  return file;
}

function handleDrag(event) {
  if (!event.dataTransfer?.types.includes("Files")) return;
  event.preventDefault();
  event.dataTransfer.dropEffect = accept ? "copy" : "none";
  dragged.value = event.type !== "drop" && Boolean(accept);
  if (event.type === "drop" && event.dataTransfer.files[0]) accept?.(event.dataTransfer.files[0]);
}

for (const type of ["dragenter", "dragover", "drop"]) addEventListener(type, handleDrag);
addEventListener("dragleave", ({ relatedTarget }) => {
  if (!relatedTarget) dragged.value = false;
});
