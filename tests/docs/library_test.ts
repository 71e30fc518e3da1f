/** The page about the library, and the example that it shows. */
import { assert, assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";
import type { LoadModelOptions } from "../../src/library/mod.ts";

const ROOT = new URL("../../", import.meta.url);
const PAGE = await Deno.readTextFile(new URL("docs/library.md", ROOT));
const EXAMPLE = new URL("docs/examples/library.ts", ROOT);

Deno.test("the page shows the example that is run", async () => {
  const shown = /```ts\n([\s\S]*?)```/.exec(PAGE)?.[1];
  assertEquals(shown, await Deno.readTextFile(EXAMPLE));
});

Deno.test("the example of the library prints the output of the page", async () => {
  const { stdout, stderr, success } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      ...["ffi", "read", "write", "net", "env", "sys", "run"].map((right) => `--allow-${right}`),
      fileURLToPath(EXAMPLE),
    ],
    cwd: fileURLToPath(ROOT),
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  assert(success, text(stderr));
  assertEquals(text(stdout), /```text\n([\s\S]*?)```/.exec(PAGE)?.[1]);
});

Deno.test("the page lists every option of a load", () => {
  const options: Record<keyof LoadModelOptions, true> = {
    model: true,
    modelDirs: true,
    gpuBackend: true,
    gpuLayers: true,
    contextLength: true,
    parallel: true,
    threads: true,
    kvType: true,
    onNote: true,
    signal: true,
  };
  const told = [...PAGE.matchAll(/^\| `(\w+)`/gm)].map(([, name]) => name);
  assertEquals(told, Object.keys(options));
});
