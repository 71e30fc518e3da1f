/** Models with random weights that read images. They need libmtmd, which the npm packages lack. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { locateMediaLibrary } from "../../ffi/library/locate.ts";
import type { LoadOptions, MediaInput, SequenceRequest } from "../../src/engine/protocol/mod.ts";
import { mropeModel } from "../models/mrope.ts";
import { storiesModel } from "../models/stories.ts";
import { type Tower, towerFile } from "../models/towers.ts";
import { windowedModel } from "../models/windowed.ts";
import { type IteratingEngine, tinyEngine } from "../support/engine.ts";

/**
 * The folder of libraries with libmtmd: `SHIMMY_MTMD`, or that of `deno task build:mtmd`. Null if neither is
 * there; a test that is skipped tells so.
 *
 * @throws {Error} if the folder of `SHIMMY_MTMD` has no libmtmd.
 */
export const MEDIA_FOLDER = mediaFolder();

function mediaFolder(): string | null {
  const given = Deno.env.get("SHIMMY_MTMD");
  const built = fileURLToPath(new URL("../../dist/mtmd", import.meta.url));
  if (hasMedia(given || built)) return given || built;
  if (given) throw new Error(`SHIMMY_MTMD: the folder has no libmtmd: ${given}`);
  return null;
}

function hasMedia(folder: string): boolean {
  try {
    return locateMediaLibrary(folder, Deno.build.os) !== null;
  } catch {
    // There is no such folder.
    return false;
  }
}

/** The text model of a projector. */
const TEXT_MODELS: Readonly<Record<Tower, () => Uint8Array<ArrayBuffer>>> = {
  mlp: storiesModel,
  gemma3: windowedModel,
  pixtral: storiesModel,
  qwen2vl: mropeModel,
  // llama-server takes no tokens that the vocabulary lacks.
  idefics3: () => storiesModel(false, 2048, ["\n\n", "<fake_token_around_image>", "<global-img>"]),
};

/** The files of a model that reads images. */
export interface MediaModel {
  readonly model: string;
  readonly projector: string;
}

/** Calls a function with the files of a model. */
export async function withModel(
  kind: Tower,
  use: (files: MediaModel) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "shimmy-media-" });
  try {
    const files = { model: join(folder, "model.gguf"), projector: join(folder, "mmproj.gguf") };
    await Deno.writeFile(files.model, TEXT_MODELS[kind]());
    await Deno.writeFile(files.projector, towerFile(kind));
    await use(files);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** An engine that reads images. */
export async function mediaEngine(
  { model, projector }: MediaModel,
  changes: Partial<LoadOptions> = {},
): Promise<IteratingEngine> {
  return await tinyEngine({
    libraryFolder: MEDIA_FOLDER!,
    modelPaths: [model],
    projector: { path: projector, offload: false, isOptional: false },
    lookup: false,
    ...changes,
  });
}

/** A greedy request for a text with images in it. */
export function look(
  parts: readonly (string | Uint8Array<ArrayBuffer>)[],
  changes: Partial<SequenceRequest> = {},
): SequenceRequest {
  return { ...about("image", parts), ...changes };
}

/** A greedy request for a text with sounds in it. */
export function listen(
  parts: readonly (string | Uint8Array<ArrayBuffer>)[],
  changes: Partial<SequenceRequest> = {},
): SequenceRequest {
  return { ...about("audio", parts), ...changes };
}

function about(
  type: MediaInput["type"],
  parts: readonly (string | Uint8Array<ArrayBuffer>)[],
): SequenceRequest {
  return {
    prompt: parts.map((part, index) =>
      typeof part === "string"
        ? { text: part, special: true }
        : { media: { type, bytes: part, field: `prompt[${index}]` } }
    ),
    maxTokens: 16,
    sampling: { temperature: 0 },
    stop: [],
  };
}
