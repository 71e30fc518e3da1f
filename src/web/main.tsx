/** The program of the web page: mounts the shell into the document. */
import { render } from "preact";
import { App } from "./shell/mod.ts";
import { PAGES } from "./pages.ts";

const root = document.getElementById("app")!;
root.replaceChildren();
render(<App pages={PAGES} />, root);
