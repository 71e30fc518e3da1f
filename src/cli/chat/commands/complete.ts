import { dirname, join } from "node:path";
import { expandHome, homeFolder } from "../../../models/entry/mod.ts";
import { printable } from "../../output/mod.ts";
import type { ChatContext, Completed } from "./command.ts";
import { CHAT_COMMANDS, findCommand } from "./table.ts";

/** What completion needs of a chat. */
type Context = Pick<ChatContext, "environment" | "host" | "saved">;

/**
 * The possible ends of a line up to the cursor: commands, and after a command its models, files, saved
 * conversations or words.
 *
 * @returns the completions, and the part of the line that they replace.
 */
export async function completeLine(
  chat: Context,
  line: string,
): Promise<readonly [completions: readonly string[], replaced: string]> {
  if (!line.startsWith("/")) return [[], line];
  const [, word = "", argument] = /^(\/\S*)(?:\s+([^]*))?$/.exec(line) ?? [];
  if (argument === undefined) {
    const names = Object.keys(CHAT_COMMANDS).map((name) => `/${name}`);
    return [names.filter((name) => name.startsWith(word)).map((name) => `${name} `), word];
  }
  const kind = findCommand(word.slice(1))?.completes;
  if (kind === undefined) return [[], argument];
  const candidates = await candidatesFor(chat, kind, argument);
  // The editor shows completions as they are, so that names with control characters are left out.
  const shown = candidates.filter((candidate) => candidate === printable(candidate));
  return [shown.filter((candidate) => candidate.startsWith(argument)), argument];
}

async function candidatesFor(
  { environment: { env }, host, saved }: Context,
  kind: Completed,
  argument: string,
): Promise<readonly string[]> {
  if (kind === "model") return await host.list();
  if (kind === "session") return (await saved.list()).map(({ name }) => name);
  if (kind === "file") return await filesAt(argument, homeFolder(env));
  return kind.map((word) => `${word} `);
}

/** The entries of the folder of a path, as the path begins. Folders end with a slash. */
async function filesAt(path: string, home: string | undefined): Promise<string[]> {
  const typed = /^.*[/\\]/.exec(path)?.[0] ?? "";
  const folder = typed === "" ? "." : expandHome(join(dirname(`${typed}x`), "."), home);
  const entries: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (name.startsWith(".") && !path.slice(typed.length).startsWith(".")) continue;
    entries.push(`${typed}${name}${isDirectory ? "/" : ""}`);
  }
  return entries.sort();
}
