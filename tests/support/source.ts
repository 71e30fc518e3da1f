/** The command line as the task `shimmy` runs it from its source. */
import { fileURLToPath } from "node:url";

const path = (relative: string) => fileURLToPath(new URL(`../../${relative}`, import.meta.url));

/** The module that runs the command line. */
export const MAIN = path("main.ts");

/** Deno's option that pins the packages. Without it Deno would look for newer ones. */
export const LOCK = `--lock=${path("deno.lock")}`;
