import { dirname } from "@std/path";
import { ShimmyError } from "../../errors.ts";

/** What a new name stands for: another model's name, or a file. */
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
  const next = { ...body, [key]: { ...(body[key] as object | undefined), [name]: value } };
  await Deno.mkdir(dirname(path), { recursive: true });
  // A reader, such as a server that watches the file, sees the old or the new file and no part of it.
  const part = `${path}.${crypto.randomUUID().slice(0, 8)}.part`;
  try {
    await Deno.writeTextFile(part, `${JSON.stringify(next, null, 2)}\n`, { createNew: true });
    await Deno.rename(part, path);
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
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch (cause) {
    const addition = "path" in target
      ? { models: { [name]: target } }
      : { aliases: { [name]: target.name } };
    throw new ShimmyError(
      "invalid",
      `Cannot edit ${path} because it has comments; add ${JSON.stringify(addition)} to it`,
      { cause },
    );
  }
}
