import { join } from "node:path";
import type { SettingsFile } from "./client.ts";

/** A folder for the settings files of a launch. */
export interface SettingsFolder extends AsyncDisposable {
  readonly path: string;
}

/** A folder that is removed when the client has ended. */
export async function temporaryFolder(): Promise<SettingsFolder> {
  const path = await Deno.makeTempDir({ prefix: "shimmy-launch-" });
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

/**
 * A folder that stays, for a client that the user starts.
 * @param cache the folder for it. It is asked for only when a client has a settings file.
 */
export function lastingFolder(cache: () => string): SettingsFolder {
  return {
    get path() {
      return join(cache(), "launch");
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** Writes settings files, and replaces those of an earlier launch. */
export async function writeSettings(
  folder: SettingsFolder,
  files: readonly SettingsFile[],
): Promise<void> {
  if (files.length === 0) return;
  await Deno.mkdir(folder.path, { recursive: true });
  for (const { name, text } of files) await Deno.writeTextFile(join(folder.path, name), text);
}
