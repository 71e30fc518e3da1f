import { encodeBase64 } from "@std/encoding/base64";
import type { Environment } from "../../environment/mod.ts";

/** Programs that copy their input, and the variable without which they do not work. */
const PROGRAMS: readonly (readonly [program: string, args: readonly string[], needs?: string])[] =
  Deno.build.os === "darwin" ? [["pbcopy", []]] : Deno.build.os === "windows" ? [["clip", []]] : [
    ["wl-copy", [], "WAYLAND_DISPLAY"],
    ["xclip", ["-selection", "clipboard"], "DISPLAY"],
    ["xsel", ["--clipboard", "--input"], "DISPLAY"],
  ];

/**
 * Copies a text: with a program of the desktop, else with the sequence of the terminal (OSC 52 of xterm),
 * which also works over ssh.
 *
 * @returns how, for a sentence; null: there is no such program, and stdout is no terminal.
 */
export async function copyText(
  text: string,
  { env, output }: Pick<Environment, "env" | "output">,
): Promise<string | null> {
  for (const [program, args, needs] of PROGRAMS) {
    if (needs !== undefined && !env(needs)) continue;
    if (await runWith(program, args, text)) return `with ${program}`;
  }
  if (!output.isTerminal) return null;
  await output.write(`\x1b]52;c;${encodeBase64(text)}\x07`);
  return "through the terminal, if it allows that";
}

async function runWith(program: string, args: readonly string[], text: string): Promise<boolean> {
  try {
    const command = new Deno.Command(program, {
      args: [...args],
      stdin: "piped",
      stdout: "null",
      stderr: "null",
    });
    const child = command.spawn();
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(text));
    await writer.close();
    return (await child.status).success;
  } catch {
    return false;
  }
}
