import { join, resolve } from "node:path";
import { configDirectory, type ConfigSearch } from "./read.ts";

/** The folder of signed keys: `--keys-dir`, or `keys` in the user's configuration folder; null without both. */
export function keyFolder(
  named: string | null,
  search: Pick<ConfigSearch, "env" | "os">,
): string | null {
  if (named !== null) return resolve(named);
  const folder = configDirectory(search);
  return folder === null ? null : join(folder, "keys");
}
