/** A real server with the small model that sees, for tests with official clients. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { loadEngine } from "../../src/engine/load_engine.ts";
import { discover } from "../../src/models/discovery/discover.ts";
import { folderSource } from "../../src/models/discovery/sources/folder.ts";
import { createPool } from "../../src/models/registry/registry.ts";
import { createHandler } from "../../src/server/app.ts";
import { MEDIA_FOLDER } from "../media/setup.ts";
import { tinyOptions } from "../support/engine.ts";
import { served, SETTINGS } from "./tiny_server.ts";

/** The model's name. */
export const SEEING = "shimmy-tiny-vision";

/** A picture, and what the model says about it. */
export const PICTURE = await Deno.readFile(
  fileURLToPath(new URL("../pictures/a-red-circle-and-two-blue-squares.png", import.meta.url)),
);
export const SEEN = "I see a red circle and two blue squares.";

/** Defines a test that needs libmtmd. Without it, the name of the skipped test says so. */
export function visionTest(name: string, run: (url: string) => Promise<void>): void {
  const isMissing = MEDIA_FOLDER === null;
  const why = isMissing ? " (skipped: libmtmd is missing; deno task build:mtmd builds it)" : "";
  Deno.test(`${name}${why}`, { ignore: isMissing }, async () => {
    await using server = visionServer();
    await run(server.url);
  });
}

function visionServer(): AsyncDisposable & { readonly url: string } {
  const folder = fileURLToPath(new URL("../../src/assets/tiny", import.meta.url));
  const pool = createPool({
    discover: () => discover([folderSource(folder, "folder", 0)]),
    load: async ({ paths, projector }, options) =>
      await loadEngine(
        await tinyOptions({
          libraryFolder: MEDIA_FOLDER!,
          modelPaths: paths,
          projector: { path: projector!, offload: false, isOptional: false },
        }),
        options,
      ),
    base: join(folder, `${SEEING}.gguf`),
    loras: [],
    paths: "found",
  });
  const server = served(createHandler({ pool, settings: SETTINGS }));
  return {
    url: server.url,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await pool[Symbol.asyncDispose]();
    },
  };
}
