import { join } from "node:path";
import { StateFileRunner } from "../support/state_file_runner.ts";
import { startTinyServer } from "../support/tiny_server.ts";
import type { Target } from "../target.ts";

/** Files of the prefix cache on disk. */
export const diskCache: Target = {
  name: "disk-cache",
  async open() {
    let folder = "";
    const server = await startTinyServer((home) => {
      folder = join(home, "prefixes");
      return ["--disk-cache", "1GB", "--disk-cache-dir", folder];
    });
    return await StateFileRunner.start(server, { folder, extension: ".state", fields: {} });
  },
};
