import { join, relative, sep } from "node:path";
import { ShimmyError } from "../../errors.ts";
import { huggingFaceCache, ollamaStore, storeName, walk } from "../discovery/mod.ts";
import { modelName } from "../entry/mod.ts";
import { chooseModel } from "./choose_file.ts";
import { repositoryFolder } from "./hub_cache.ts";
import type { PulledModel, PullEnvironment } from "./plan.ts";
import { type HubReference, type OllamaReference, referenceText } from "./reference.ts";

type Folders = Pick<PullEnvironment, "env" | "home">;

/** True if `HF_HUB_OFFLINE` forbids requests to the hub. */
export function isHubOffline(env: PullEnvironment["env"]): boolean {
  return /^(?:1|on|yes|true)$/i.test(env("HF_HUB_OFFLINE")?.trim() ?? "");
}

/**
 * Finds the model of a reference in the Hugging Face cache, whichever tool downloaded it. It makes no
 * request. Null if the cache has no such model, or several.
 */
export async function cachedHubModel(
  reference: HubReference,
  environment: Folders,
): Promise<PulledModel | null> {
  const cache = huggingFaceCache(environment);
  if (cache === null) return null;
  const folder = repositoryFolder(cache, reference.repository);
  const revision = reference.revision ?? "main";
  const commit = await Deno.readTextFile(join(folder, "refs", ...revision.split("/")))
    .then((text) => text.trim(), () => revision);
  const snapshot = join(folder, "snapshots", commit);
  if (!/^[\w.-]+$/.test(commit) || !await exists(snapshot)) return null;
  const files = (await walk(snapshot)).files.map((path) =>
    relative(snapshot, path).split(sep).join("/")
  );
  try {
    const { paths } = chooseModel(files, reference);
    const full = paths.map((path) => join(snapshot, ...path.split("/")));
    if (!(await Promise.all(full.map(exists))).every(Boolean)) return null;
    return { name: modelName(full[0]!), paths: full };
  } catch (error) {
    if (error instanceof ShimmyError) return null;
    throw error;
  }
}

/** Finds the model of a reference in Ollama's store. Null if a file of the model is missing. */
export async function storedOllamaModel(
  { host, namespace, model, tag }: OllamaReference,
  environment: Folders,
): Promise<PulledModel | null> {
  const store = ollamaStore(environment);
  if (store === null) return null;
  const parts = [host, namespace, model, tag];
  try {
    const text = await Deno.readTextFile(join(store, "manifests", ...parts));
    const { layers } = JSON.parse(text) as { layers: { mediaType: string; digest: string }[] };
    const blob = (digest: string) => join(store, "blobs", digest.replace(":", "-"));
    const isValid = layers.every(({ digest }) => /^sha256:[0-9a-f]{64}$/.test(digest));
    const found = isValid && await Promise.all(layers.map(({ digest }) => exists(blob(digest))));
    const paths = layers.filter(({ mediaType }) => mediaType.endsWith(".image.model"))
      .map(({ digest }) => blob(digest));
    if (!found || !found.every(Boolean) || paths.length === 0) return null;
    return { name: storeName(parts), paths };
  } catch {
    // There is no manifest, or it is not one of Ollama's.
    return null;
  }
}

/** The error for a model that is not in the cache while the hub may not be asked. */
export function offlineError(reference: HubReference): ShimmyError {
  return new ShimmyError(
    "not_found",
    `Cannot pull ${referenceText(reference)}: HF_HUB_OFFLINE is set and the cache does not have it`,
    { field: "model" },
  );
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}
