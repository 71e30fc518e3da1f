import { dirname, join } from "node:path";
import { request, sizeOf, StallTimer } from "../../download/mod.ts";
import { messageOf, ShimmyError } from "../../errors.ts";
import { renameComplete } from "../../rename_complete.ts";
import { MAX_MANIFEST_BYTES, ollamaStore, storeName } from "../discovery/mod.ts";
import type { PlannedFile, PullEnvironment, PullPlan } from "./plan.ts";
import { OLLAMA_HOST, type OllamaReference, referenceText } from "./reference.ts";

/** Media type of the manifest. Source: https://docs.docker.com/registry/spec/manifest-v2-2/ */
const MANIFEST_TYPE = "application/vnd.docker.distribution.manifest.v2+json";
const MODEL_TYPE = "application/vnd.ollama.image.model";
const DIGEST = /^sha256:([0-9a-f]{64})$/;
const STALL_TIMEOUT_MS = 30_000;
const MAX_LAYERS = 256;

/** A blob in a manifest. */
export interface Layer {
  /** `sha256:` and 64 hexadecimal digits. */
  readonly digest: string;
  /** Size in bytes. */
  readonly size: number;
  readonly mediaType: string;
}

/**
 * Plans a pull from Ollama's registry. The files go to Ollama's store.
 *
 * @throws {ShimmyError} `not_found`, or `backend` with the reason.
 */
export async function planOllama(
  reference: OllamaReference,
  environment: PullEnvironment,
  signal?: AbortSignal,
): Promise<PullPlan> {
  const { host, namespace, model, tag } = reference;
  const store = ollamaStore(environment);
  if (store === null) {
    throw new ShimmyError("invalid", "OLLAMA_MODELS: must be set if there is no home folder");
  }
  const base = `${registryOf(host, environment.env)}/v2/${namespace}/${model}`;
  const bytes = await readManifest(`${base}/manifests/${tag}`, reference, signal);
  const layers = layersOf(bytes, referenceText(reference));
  const blob = ({ digest }: Layer) => join(store, "blobs", digest.replace(":", "-"));
  const planned = layers.map(async (layer): Promise<PlannedFile> => {
    const name = layer.digest.replace(":", "-");
    return {
      name: layer.mediaType === MODEL_TYPE
        ? `${model}:${tag}`
        : `${model}:${tag}'s ${kindOf(layer)}`,
      url: `${base}/blobs/${layer.digest}`,
      size: layer.size,
      sha256: DIGEST.exec(layer.digest)![1]!,
      path: blob(layer),
      // The part file is not in `blobs`, because Ollama removes unknown files there.
      part: join(store, ".shimmy", `${name}.part`),
      lock: join(store, ".shimmy", `${name}.lock`),
      present: await sizeOf(blob(layer)) === layer.size,
    };
  });
  const parts = [host, namespace, model, tag];
  const path = join(store, "manifests", ...parts);
  return {
    reference: referenceText(reference),
    from: host,
    files: await Promise.all(planned),
    finish: async () => {
      await Deno.mkdir(dirname(path), { recursive: true });
      const temporary = join(store, ".shimmy", `manifest-${crypto.randomUUID()}`);
      await Deno.mkdir(dirname(temporary), { recursive: true });
      await Deno.writeFile(temporary, bytes);
      await renameComplete(temporary, path);
      const paths = layers.filter(({ mediaType }) => mediaType === MODEL_TYPE).map(blob);
      return { model: { name: storeName(parts), paths }, written: [path] };
    },
  };
}

/** URL of a registry. `SHIMMY_OLLAMA_REGISTRY` replaces Ollama's own. */
function registryOf(host: string, env: PullEnvironment["env"]): string {
  if (host !== OLLAMA_HOST) return `https://${host}`;
  const base = env("SHIMMY_OLLAMA_REGISTRY") || `https://${OLLAMA_HOST}`;
  if (!URL.canParse(base) || !/^https?:/.test(base)) {
    throw new ShimmyError("invalid", "SHIMMY_OLLAMA_REGISTRY: must be a URL");
  }
  return base.replace(/\/+$/, "");
}

async function readManifest(
  url: string,
  reference: OllamaReference,
  signal: AbortSignal | undefined,
): Promise<Uint8Array<ArrayBuffer>> {
  const name = referenceText(reference);
  const stall = new StallTimer(STALL_TIMEOUT_MS, signal);
  try {
    const headers = { accept: MANIFEST_TYPE };
    const response = await request(url, { headers, signal: stall.signal });
    if (!response.ok) {
      await response.body?.cancel();
      throw refusal(response.status, name, reference.host);
    }
    const bytes = new Uint8Array(await response.arrayBuffer());
    if (bytes.length > MAX_MANIFEST_BYTES) throw new Error("its manifest is too large");
    return bytes;
  } catch (error) {
    if (signal?.aborted) {
      throw new ShimmyError("cancelled", `Request for ${name} cancelled`, { cause: error });
    }
    if (error instanceof ShimmyError) throw error;
    const reason = stall.stalled
      ? "the server did not answer"
      : error instanceof TypeError
      ? "the connection failed"
      : messageOf(error);
    throw new ShimmyError("backend", `Cannot get ${name} from ${reference.host}: ${reason}`, {
      detail: error instanceof TypeError ? error.message : url,
      cause: error,
    });
  } finally {
    stall.stop();
  }
}

function refusal(status: number, name: string, host: string): ShimmyError | Error {
  if (status === 404) {
    return new ShimmyError("not_found", `${name} does not exist in the registry ${host}`, {
      field: "model",
    });
  }
  if (status === 401 || status === 403) {
    return new ShimmyError(
      "not_found",
      `${name} does not exist or is private; use Ollama to pull private models`,
      { field: "model" },
    );
  }
  return new Error(`the server answered with status ${status}`);
}

/**
 * Layers of a manifest, the smallest first. If the model itself is present, all other layers are
 * too.
 *
 * @throws {ShimmyError} `backend` if the manifest cannot be pulled.
 */
function layersOf(bytes: Uint8Array, name: string): Layer[] {
  const bad = (reason: string) => new ShimmyError("backend", `Cannot pull ${name}: ${reason}`);
  let manifest: { layers?: unknown; config?: unknown } | null;
  try {
    manifest = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw bad("its manifest is not JSON");
  }
  const named = [manifest?.config, ...Array.isArray(manifest?.layers) ? manifest.layers : []];
  if (named.length > MAX_LAYERS) throw bad("its manifest has too many layers");
  const layers = new Map<string, Layer>();
  for (const layer of named as Partial<Layer>[]) {
    if (layer === null || typeof layer !== "object") continue;
    const { digest, size, mediaType } = layer;
    if (typeof digest !== "string" || !DIGEST.test(digest)) {
      throw bad("its manifest has a malformed digest");
    }
    if (!Number.isSafeInteger(size) || size! < 0) {
      throw bad("its manifest has a layer without a valid size");
    }
    layers.set(digest, { digest, size: size!, mediaType: String(mediaType) });
  }
  const all = [...layers.values()];
  if (!all.some(({ mediaType }) => mediaType === MODEL_TYPE)) {
    throw bad("it has no GGUF model");
  }
  return all.sort((a, b) => a.size - b.size);
}

/** Display name of a layer's type. */
function kindOf({ mediaType }: Layer): string {
  return /^application\/vnd\.ollama\.image\.(\w+)$/.exec(mediaType)?.[1] ?? "configuration";
}
