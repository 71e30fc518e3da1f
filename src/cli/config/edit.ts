import { dirname } from "node:path";
import { ShimmyError } from "../../errors.ts";
import { renameComplete } from "../../rename_complete.ts";
import type { Config } from "./config.ts";

/** The target of a new name: another model's name, or a file. */
export type NameTarget = { readonly name: string } | { readonly path: string };

/**
 * Adds a name for a model to a configuration file, which is created if it does not exist.
 *
 * @param text The current text of the file, or `null` if there is none.
 * @throws {ShimmyError} `invalid` for a file with comments, which a program cannot keep.
 */
export async function addModelName(
  path: string,
  text: string | null,
  name: string,
  target: NameTarget,
): Promise<void> {
  const body = bodyOf(text, path, name, target);
  const [key, value] = "path" in target
    ? ["models", { path: target.path }] as const
    : ["aliases", target.name] as const;
  await write(path, { ...body, [key]: { ...(body[key] as object | undefined), [name]: value } });
}

/**
 * Removes a name that {@linkcode addModelName} added. The model and its files stay.
 *
 * @returns false if the file gives no model this name.
 * @throws {ShimmyError} `invalid` for a file with comments, which a program cannot keep.
 */
export async function removeModelName(config: Config, asked: string): Promise<boolean> {
  const name = asked.toLowerCase();
  if (!Object.hasOwn(config.models.aliases, name)) return false;
  const body = jsonOf(config.text);
  if (body === null) throw uneditable(config.path, `remove aliases.${name} from it`);
  const aliases = Object.entries(body.aliases as Record<string, string>)
    .filter(([own]) => own.toLowerCase() !== name);
  await write(config.path, { ...body, aliases: Object.fromEntries(aliases) });
  return true;
}

async function write(path: string, body: Record<string, unknown>): Promise<void> {
  await Deno.mkdir(dirname(path), { recursive: true });
  // A reader, such as a server that watches the file, sees the old or the new file and no part of it.
  const part = `${path}.${crypto.randomUUID().slice(0, 8)}.part`;
  try {
    await Deno.writeTextFile(part, `${JSON.stringify(body, null, 2)}\n`, { createNew: true });
    await renameComplete(part, path);
  } catch (error) {
    await Deno.remove(part).catch(() => {});
    throw error;
  }
}

function bodyOf(
  text: string | null,
  path: string,
  name: string,
  target: NameTarget,
): Record<string, unknown> {
  if (text === null) return {};
  const addition = "path" in target
    ? { models: { [name]: target } }
    : { aliases: { [name]: target.name } };
  const body = jsonOf(text);
  if (body === null) throw uneditable(path, `add ${JSON.stringify(addition)} to it`);
  return body;
}

/** The object in a file; `null` if it has comments. */
function jsonOf(text: string): Record<string, unknown> | null {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch {
    return null;
  }
}

function uneditable(path: string, remedy: string): ShimmyError {
  return new ShimmyError("invalid", `Cannot edit ${path} because it has comments; ${remedy}`);
}
