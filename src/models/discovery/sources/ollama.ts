import { join, relative, sep } from "node:path";
import { expandHome, type Lora, type OllamaLayer, type SkippedFile } from "../../entry/mod.ts";
import { reasonOf } from "../../gguf/mod.ts";
import {
  type Candidate,
  type Environment,
  folderExists,
  MISSING_SOURCE,
  type ModelSource,
  type ScanResult,
} from "./source.ts";
import { settingsOf } from "./ollama_settings.ts";
import { isFolder } from "./walk.ts";

/** Size limit of a manifest file. Real manifests have a few kilobytes. */
export const MAX_MANIFEST_BYTES = 1024 * 1024;
/** Depth of `<host>/<namespace>/<model>/<tag>`. */
export const MANIFEST_DEPTH = 4;
const LAYER = /^application\/vnd\.ollama\.image\.(\w+)$/;
const EXTRA_LAYERS: ReadonlySet<string> = new Set<OllamaLayer>([
  "template",
  "params",
  "system",
  "license",
  "messages",
  "projector",
]);

/**
 * Ollama's store. `manifests/<host>/<namespace>/<model>/<tag>` are JSON files that name the blobs
 * of a model, `blobs/sha256-<digest>`. `OLLAMA_MODELS` replaces the user's folder and the folder of
 * the Linux service. Source: https://github.com/ollama/ollama/blob/main/docs/faq.md
 */
export function ollamaSources(environment: Environment): ModelSource[] {
  const own = ollamaStore(environment);
  const folders = [
    ...(own === null ? [] : [own]),
    ...(environment.os === "linux" && !environment.env("OLLAMA_MODELS")
      ? ["/usr/share/ollama/.ollama/models"]
      : []),
  ];
  return folders.map((path) => ({ path, kind: "ollama", scan: () => scan(path) }));
}

/** The user's store: `OLLAMA_MODELS`, otherwise the folder in the home folder. */
export function ollamaStore({ env, home }: Pick<Environment, "env" | "home">): string | null {
  const own = env("OLLAMA_MODELS");
  if (own) return expandHome(own, home);
  return home === undefined ? null : join(home, ".ollama", "models");
}

async function scan(store: string): Promise<ScanResult> {
  if (!await folderExists(store)) return MISSING_SOURCE;
  const manifests = join(store, "manifests");
  const candidates: Candidate[] = [];
  const skipped: SkippedFile[] = [];
  for (const path of await manifestFiles(manifests, MANIFEST_DEPTH)) {
    const outcome = await readManifest(path, relative(manifests, path).split(sep), store);
    if (typeof outcome === "string") skipped.push({ path, reason: outcome, kind: "broken" });
    else candidates.push(outcome);
  }
  return { exists: true, candidates, skipped };
}

/**
 * Sorted paths of the files exactly `depth` levels below a folder. Links are followed, except a link
 * to a folder above. Unreadable folders are skipped.
 */
export async function manifestFiles(
  folder: string,
  depth: number,
  above: readonly string[] = [],
): Promise<string[]> {
  let entries: Deno.DirEntry[];
  let real: string;
  try {
    real = await Deno.realPath(folder);
    if (above.includes(real)) return [];
    entries = await Array.fromAsync(Deno.readDir(folder));
  } catch {
    return [];
  }
  const found: string[] = [];
  for (const entry of entries.sort((a, b) => a.name < b.name ? -1 : 1)) {
    if (entry.name.startsWith(".")) continue;
    const path = join(folder, entry.name);
    if (!await isFolder(entry, path)) {
      if (depth === 1) found.push(path);
    } else if (depth > 1) found.push(...await manifestFiles(path, depth - 1, [...above, real]));
  }
  return found;
}

/** Returns the model that a manifest describes, or the reason why it describes none. */
async function readManifest(
  path: string,
  parts: readonly string[],
  store: string,
): Promise<Candidate | string> {
  let manifest: unknown;
  try {
    if ((await Deno.stat(path)).size > MAX_MANIFEST_BYTES) return "its manifest is too large";
    manifest = JSON.parse(await Deno.readTextFile(path));
  } catch (error) {
    return error instanceof SyntaxError ? "its manifest is not JSON" : reasonOf(error);
  }
  const models: string[] = [];
  const loras: Lora[] = [];
  const ollama: Partial<Record<OllamaLayer, string>> = {};
  for (const { kind, digest } of layersOf(manifest)) {
    // The digest becomes part of a path, so only a well-formed digest is accepted.
    if (!/^sha256[:-][0-9a-f]{64}$/.test(digest)) return "its manifest has a malformed digest";
    const blob = join(store, "blobs", digest.replace(":", "-"));
    if (kind === "model") models.push(blob);
    else if (kind === "adapter") loras.push({ path: blob, scale: 1 });
    else if (EXTRA_LAYERS.has(kind)) ollama[kind as OllamaLayer] = blob;
  }
  if (models.length === 0) return "its manifest has no GGUF model";
  const settings = await settingsOf(ollama);
  return {
    paths: models,
    name: storeName(parts),
    qualifier: "ollama",
    ...(loras.length === 0 ? {} : { loras }),
    ...(Object.keys(ollama).length === 0 ? {} : { ollama }),
    ...(settings === undefined ? {} : { settings }),
  };
}

function* layersOf(manifest: unknown): Generator<{ kind: string; digest: string }> {
  if (typeof manifest !== "object" || manifest === null || !("layers" in manifest)) return;
  if (!Array.isArray(manifest.layers)) return;
  for (const layer of manifest.layers as unknown[]) {
    if (typeof layer !== "object" || layer === null) continue;
    const { mediaType, digest } = layer as { mediaType?: unknown; digest?: unknown };
    if (typeof mediaType !== "string" || typeof digest !== "string") continue;
    const kind = LAYER.exec(mediaType)?.[1];
    if (kind !== undefined) yield { kind, digest };
  }
}

/** Formats `model:tag` as Ollama does: without the default host and namespace. */
export function storeName([host, namespace, model, tag]: readonly string[]): string {
  const prefix = [
    ...(host === "registry.ollama.ai" ? [] : [host]),
    ...(host === "registry.ollama.ai" && namespace === "library" ? [] : [namespace]),
  ];
  return [...prefix, `${model}:${tag}`].join("/").toLowerCase();
}
