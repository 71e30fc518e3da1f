import { basename, dirname, join } from "node:path";
import { ShimmyError } from "../../errors.ts";
import { renameComplete } from "../../rename_complete.ts";
import { storeName } from "../discovery/mod.ts";
import type { ModelEntry, OllamaLayer } from "../entry/mod.ts";
import { type Blob, Blobs } from "./blobs.ts";

/** A model to create from another model, or from blobs. */
export interface CreateRequest {
  /** Name with an optional tag. */
  readonly name: string;
  /** The model that the new one is based on; null: `files` has the model. */
  readonly base: ModelEntry | null;
  /** Digests of the model's files. */
  readonly files?: readonly string[];
  /** Digests of LoRA adapters. */
  readonly adapters?: readonly string[];
  /** Texts of layers. A text replaces that of the base. */
  readonly texts?: Readonly<Partial<Record<TextLayer, string>>>;
  /** Parameters by name. A parameter replaces that of the base. */
  readonly parameters?: Readonly<Record<string, unknown>>;
}

type TextLayer = Exclude<OllamaLayer, "params" | "projector">;

/** A created model. */
export interface CreatedModel {
  readonly reference: string;
  readonly name: string;
  readonly paths: readonly string[];
  /** Paths of the files that were written. */
  readonly written: readonly string[];
}

const MEDIA = "application/vnd.ollama.image.";
const MANIFEST_TYPE = "application/vnd.docker.distribution.manifest.v2+json";
const CONFIG_TYPE = "application/vnd.docker.container.image.v1+json";
const TEXT_LAYERS = ["template", "system", "license", "messages"] as const;
const GGUF_MAGIC = "GGUF";

/** A layer of the new manifest. */
interface Layer extends Blob {
  readonly kind: string;
}

/**
 * Creates a model in Ollama's store: a manifest that names the blobs of the model, of its adapters and
 * of its texts. The weights are linked, not copied.
 *
 * @param parts host, namespace, model and tag of the name.
 * @param onLayer receives each layer.
 * @throws {ShimmyError} `invalid` for a malformed digest, a blob that does not exist, or a file
 * that is not GGUF.
 */
export async function createModel(
  request: CreateRequest,
  parts: readonly string[],
  store: string,
  onLayer: (layer: Blob) => void = () => {},
): Promise<CreatedModel> {
  const { base, files = [], adapters = [] } = request;
  const blobs = new Blobs(store);
  const layers: Layer[] = [];
  const add = (kind: string, blob: Blob) => {
    layers.push({ kind, ...blob });
    onLayer(blob);
  };
  const models = base === null
    ? await Promise.all(files.map((digest) => ggufBlob(blobs, digest, "files")))
    : await modelBlobs(base, blobs);
  for (const blob of models) add("model", blob);
  const tuned = adapters.length > 0
    ? await Promise.all(adapters.map((digest) => ggufBlob(blobs, digest, "adapters")))
    : await Promise.all((base?.loras ?? []).map(({ path }) => blobs.link(path)));
  for (const blob of tuned) add("adapter", blob);
  if (base?.ollama?.projector !== undefined) {
    add("projector", await blobs.link(base.ollama.projector));
  }
  for (const kind of TEXT_LAYERS) {
    const text = request.texts?.[kind] ?? await textOf(base, kind);
    if (text !== null && text !== "") add(kind, await blobs.add(text));
  }
  const inherited: unknown = JSON.parse(await textOf(base, "params") ?? "{}");
  const parameters = { ...inherited as Record<string, unknown>, ...request.parameters };
  if (Object.keys(parameters).length > 0) {
    add("params", await blobs.add(JSON.stringify(parameters)));
  }
  const config = await blobs.add(JSON.stringify(configOf(base, layers)));
  const manifest = {
    schemaVersion: 2,
    mediaType: MANIFEST_TYPE,
    config: { mediaType: CONFIG_TYPE, digest: config.digest, size: config.size },
    layers: layers.map(({ kind, digest, size }) => ({ mediaType: MEDIA + kind, digest, size })),
  };
  const path = join(store, "manifests", ...parts);
  await writeAside(path, JSON.stringify(manifest), store);
  const fresh = [...layers, config].filter(({ isNew }) => isNew);
  return {
    reference: `ollama:${storeName(parts)}`,
    name: storeName(parts),
    paths: models.map(({ digest }) => blobs.path(digest)),
    written: [path, ...fresh.map(({ digest }) => blobs.path(digest))],
  };
}

async function modelBlobs(base: ModelEntry, blobs: Blobs): Promise<Blob[]> {
  if (base.paths.length > 1) {
    throw new ShimmyError(
      "invalid",
      `from: '${base.name}' is split into shards; Ollama's store keeps a model in one file`,
      { field: "from" },
    );
  }
  return [await known(blobs, base.paths[0]!) ?? await blobs.link(base.paths[0]!)];
}

/** A file that is a blob already: its name is its digest. */
async function known(blobs: Blobs, file: string): Promise<Blob | null> {
  const name = basename(file);
  if (!/^sha256-[0-9a-f]{64}$/.test(name)) return null;
  const digest = name.replace("-", ":");
  const size = blobs.path(digest) === file ? await blobs.size(digest) : null;
  return size === null ? null : { digest, size, isNew: false };
}

async function ggufBlob(blobs: Blobs, digest: string, field: string): Promise<Blob> {
  const size = await blobs.size(digest);
  if (size === null) {
    throw new ShimmyError("invalid", `${field}: blob "${digest}" not found; upload it first`, {
      field,
    });
  }
  using file = await Deno.open(blobs.path(digest));
  const head = new Uint8Array(GGUF_MAGIC.length);
  await file.read(head);
  if (new TextDecoder("latin1").decode(head) !== GGUF_MAGIC) {
    throw new ShimmyError("invalid", `${field}: supplied file was not in GGUF format`, { field });
  }
  return { digest: digest.replace("-", ":"), size, isNew: false };
}

async function textOf(base: ModelEntry | null, kind: OllamaLayer): Promise<string | null> {
  const path = base?.ollama?.[kind];
  return path === undefined ? null : await Deno.readTextFile(path);
}

/** The configuration that Ollama reads beside the layers. */
function configOf(base: ModelEntry | null, layers: readonly Layer[]) {
  return {
    model_format: "gguf",
    ...(base === null ? {} : {
      model_family: base.architecture,
      model_families: [base.architecture],
      file_type: base.quantization,
    }),
    architecture: "amd64",
    os: "linux",
    rootfs: { type: "layers", diff_ids: layers.map(({ digest }) => digest) },
  };
}

/** Writes a file beside the blobs and renames it, so that readers see it complete. */
async function writeAside(path: string, text: string, store: string): Promise<void> {
  const part = join(store, ".shimmy", `manifest-${crypto.randomUUID()}`);
  await Deno.mkdir(dirname(part), { recursive: true });
  await Deno.mkdir(dirname(path), { recursive: true });
  await Deno.writeTextFile(part, text);
  await renameComplete(part, path);
}
