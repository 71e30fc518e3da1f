import { join } from "node:path";
import { configDirectory, type ConfigSearch } from "./read.ts";

/**
 * The folder of the chat's history and saved conversations: `chat` in the user's configuration folder;
 * null without a home folder. They are not in the cache folder, whose files can be made again.
 */
export function chatFolder(search: Pick<ConfigSearch, "env" | "os">): string | null {
  const folder = configDirectory(search);
  return folder === null ? null : join(folder, "chat");
}
