import { join } from "node:path";
import { StateFileRunner } from "../support/state_file_runner.ts";
import { startTinyServer } from "../support/tiny_server.ts";
import { cacheFolder } from "../support/watched_server.ts";
import type { Target } from "../target.ts";

/** Files of saved sessions. */
export const sessions: Target = {
  name: "sessions",
  async open() {
    let folder = "";
    const server = await startTinyServer((home) => {
      folder = join(cacheFolder(home), "sessions");
      return [];
    });
    return await StateFileRunner.start(server, {
      folder,
      extension: ".session",
      fields: { session: "fuzzed" },
    });
  },
};
