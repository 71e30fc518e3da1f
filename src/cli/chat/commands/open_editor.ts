import { join } from "node:path";
import { messageOf } from "../../../errors.ts";
import type { ChatContext } from "./command.ts";

/** Edits a text in the user's editor: `$VISUAL`, `$EDITOR`, else `vi`. Null: it was not edited. */
export async function editText(chat: ChatContext, text: string): Promise<string | null> {
  const { env, keyboard } = chat.environment;
  if (keyboard === null) {
    chat.say("/edit needs a terminal.");
    return null;
  }
  const fallback = Deno.build.os === "windows" ? "notepad" : "vi";
  const editor = env("VISUAL") || env("EDITOR") || fallback;
  let folder: string | null = null;
  try {
    folder = await Deno.makeTempDir({ prefix: "shimmy-" });
    const path = join(folder, "message.md");
    await Deno.writeTextFile(path, text, { mode: 0o600 });
    const [program = fallback, ...args] = editor.split(/\s+/).filter((part) => part !== "");
    const command = new Deno.Command(program, {
      args: [...args, path],
      stdin: "inherit",
      stdout: "inherit",
      stderr: "inherit",
    });
    const { success, code } = await chat.reader.lend(() => command.spawn().status);
    if (!success) {
      chat.say(`${program} ended with status ${code}; nothing was changed.`);
      return null;
    }
    return (await Deno.readTextFile(path)).replace(/\r?\n$/, "");
  } catch (error) {
    chat.say(`Cannot run the editor '${editor}': ${messageOf(error)}; set EDITOR.`);
    return null;
  } finally {
    if (folder !== null) await Deno.remove(folder, { recursive: true }).catch(() => {});
  }
}
