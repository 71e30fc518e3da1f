/** The program of the web page: mounts the shell into the document. */
import { render } from "preact";
import { App } from "./shell/mod.ts";
import { PAGES } from "./pages.ts";

/** Milliseconds after which the program starts without a frame: a window that is covered may have none. */
const LONGEST_MS = 500;

/** Runs the program when the browser has painted what is in the HTML. */
function afterFirstFrame(run: () => void): void {
  if (document.hidden) return run();
  const frame = Promise.withResolvers<void>();
  requestAnimationFrame(() => setTimeout(frame.resolve));
  setTimeout(frame.resolve, LONGEST_MS);
  void frame.promise.then(run);
}

afterFirstFrame(() => {
  const root = document.getElementById("app")!;
  root.replaceChildren();
  render(<App pages={PAGES} />, root);
});
