/** The editor of a chat: messages from a terminal, key by key, or from a pipe, line by line. */
import { join } from "node:path";
import type { Environment } from "../../environment/mod.ts";
import type { Complete, MessageReader } from "./message_reader.ts";
import { LineReader } from "./line_reader.ts";

export { Interrupts } from "./interrupts.ts";
export { type Complete, Left, type MessageReader } from "./message_reader.ts";

/**
 * Opens the reader of messages for stdin. `node:readline` is loaded for terminals only.
 * @param folder of the history; null: messages are kept in memory only.
 */
export async function openReader(
  environment: Environment,
  folder: string | null,
  complete: Complete,
): Promise<MessageReader> {
  const { keyboard } = environment;
  if (keyboard === null) return new LineReader(environment);
  const [{ TerminalReader }, { HistoryFile }] = await Promise.all([
    import("./terminal_reader.ts"),
    import("./history_file.ts"),
  ]);
  const file = new HistoryFile(folder === null ? null : join(folder, "history"));
  return await TerminalReader.open(environment, keyboard, file, complete);
}
