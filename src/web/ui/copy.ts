import { announce } from "./announcer.tsx";

/** Copies text to the clipboard and says so. */
export async function copyText(text: string): Promise<void> {
  try {
    // Absent where the page is neither local nor encrypted.
    if (navigator.clipboard !== undefined) await navigator.clipboard.writeText(text);
    else copySelected(text);
    announce("Copied");
  } catch {
    announce("The browser did not allow to copy", { isError: true });
  }
}

/** The way for pages of other machines without TLS. @throws {Error} if the browser refuses. */
function copySelected(text: string): void {
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "hidden";
  document.body.append(area);
  area.select();
  const isCopied = document.execCommand("copy");
  area.remove();
  if (!isCopied) throw new Error("copy was refused");
}
