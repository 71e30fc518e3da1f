import { useEffect, useRef } from "preact/hooks";

/** Whether a drag has files: text that is dragged goes into fields as usual. */
function hasFiles(event: DragEvent): boolean {
  return event.dataTransfer?.types.includes("Files") ?? false;
}

/**
 * Receives the files that are dropped anywhere on the page. Without that, the browser would leave the page and
 * show the file.
 */
export function useDroppedFiles(take: (files: readonly File[]) => void): void {
  const current = useRef(take);
  current.current = take;
  useEffect(() => {
    const over = (event: DragEvent) => {
      if (hasFiles(event)) event.preventDefault();
    };
    const drop = (event: DragEvent) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      current.current([...event.dataTransfer!.files]);
    };
    addEventListener("dragover", over);
    addEventListener("drop", drop);
    return () => {
      removeEventListener("dragover", over);
      removeEventListener("drop", drop);
    };
  }, []);
}

/**
 * The files of a paste; none where the clipboard has a formatted text too: programs for texts and tables put
 * a picture of it beside it.
 */
export function pastedFiles({ clipboardData }: ClipboardEvent): readonly File[] {
  if (clipboardData === null) return [];
  const isText = clipboardData.types.includes("text/html") &&
    clipboardData.getData("text/plain") !== "";
  return isText ? [] : [...clipboardData.files];
}
