/** The chat templates of llama.cpp's source, and conversations as its server renders them. */
import { encodeHex } from "@std/encoding/hex";
import { join } from "node:path";
import { withLlamaSource } from "../ffi/source.ts";
import { CONVERSATIONS, openAiBody } from "./conversations.ts";
import { type LlamaServer, startLlamaServer } from "./llama_server.ts";

/** A chat template of llama.cpp's collection. */
export interface NamedTemplate {
  readonly name: string;
  readonly source: string;
}

/** A rendering: length in bytes of UTF-8, and SHA-256 in hex; null if the template failed. */
export type Fingerprint = { readonly bytes: number; readonly sha256: string } | null;

/** The golden fact about one template and one conversation. */
export interface RenderingRow {
  readonly template: string;
  readonly conversation: string;
  readonly rendered: Fingerprint;
}

/**
 * The chat templates in `models/templates/` of the pinned llama.cpp, by name.
 *
 * @throws errors of {@linkcode withLlamaSource}.
 */
export async function llamaTemplates(): Promise<readonly NamedTemplate[]> {
  return await withLlamaSource([], async (source) => {
    const folder = join(source.folder, "models", "templates");
    const templates: NamedTemplate[] = [];
    for await (const { name } of Deno.readDir(folder)) {
      if (!name.endsWith(".jinja")) continue;
      templates.push({ name, source: await Deno.readTextFile(join(folder, name)) });
    }
    return templates.sort((a, b) => a.name < b.name ? -1 : 1);
  });
}

/** Calls a function with llama.cpp's server `program`, which renders with one chat template. */
export async function withTemplateServer<T>(
  program: string,
  model: string,
  template: NamedTemplate,
  use: (server: LlamaServer) => Promise<T>,
): Promise<T> {
  const file = await Deno.makeTempFile({ suffix: ".jinja" });
  try {
    await Deno.writeTextFile(file, template.source);
    const small = ["--ctx-size", "256", "--threads", "1", "--no-warmup"];
    const chat = ["--jinja", "--chat-template-file", file];
    await using server = await startLlamaServer(program, ["--model", model, ...small, ...chat]);
    return await use(server);
  } finally {
    await Deno.remove(file);
  }
}

/** Golden facts: every conversation as a server renders it. */
export async function renderingRows(
  template: string,
  server: LlamaServer,
): Promise<RenderingRow[]> {
  const rows: RenderingRow[] = [];
  for (const conversation of CONVERSATIONS) {
    const rendered = await fingerprint(await server.render(openAiBody(conversation)));
    rows.push({ template, conversation: conversation.name, rendered });
  }
  return rows;
}

/** The fingerprint of a text that was rendered today; it does not depend on the date. */
export async function fingerprint(rendering: string | null): Promise<Fingerprint> {
  if (rendering === null) return null;
  const bytes = new TextEncoder().encode(withoutToday(rendering, new Date()));
  const sha256 = encodeHex(await crypto.subtle.digest("SHA-256", bytes));
  return { bytes: bytes.length, sha256 };
}

/** Replaces today's date, in the formats of templates, with the directives of C's `strftime`. */
function withoutToday(text: string, now: Date): string {
  // Does not use the function under test that formats dates for templates.
  const part = (options: Intl.DateTimeFormatOptions) => now.toLocaleDateString("en-US", options);
  const year = part({ year: "numeric" });
  const month = part({ month: "2-digit" });
  const day = part({ day: "2-digit" });
  const short = part({ month: "short" });
  return text
    .replaceAll(`${year}-${month}-${day}`, "%Y-%m-%d")
    .replaceAll(`${day} ${short} ${year}`, "%d %b %Y")
    .replaceAll(`${short} ${day} ${year}`, "%b %d %Y")
    .replaceAll(`${part({ month: "long" })} ${day}, ${year}`, "%B %d, %Y");
}
