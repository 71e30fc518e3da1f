/** Models with random weights that read audio. */
import { join } from "@std/path";
import type { MediaInput, SequenceRequest } from "../../src/engine/protocol/mod.ts";
import { type AudioTower, audioTowerFile } from "../models/audio_towers.ts";
import { storiesModel } from "../models/stories.ts";
import type { MediaModel } from "./setup.ts";

/** Calls a function with the files of a model. */
export async function withAudioModel(
  kind: AudioTower,
  use: (files: MediaModel) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "shimmy-audio-" });
  try {
    const files = { model: join(folder, "model.gguf"), projector: join(folder, "mmproj.gguf") };
    await Deno.writeFile(files.model, storiesModel());
    await Deno.writeFile(files.projector, audioTowerFile(kind));
    await use(files);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** A greedy request for a text with sounds in it. */
export function listen(
  parts: readonly (string | Uint8Array<ArrayBuffer>)[],
  changes: Partial<SequenceRequest> = {},
): SequenceRequest {
  return {
    prompt: parts.map((part, index) =>
      typeof part === "string"
        ? { text: part, special: true }
        : { media: { type: "audio", bytes: part, field: `prompt[${index}]` } satisfies MediaInput }
    ),
    maxTokens: 16,
    sampling: { temperature: 0 },
    stop: [],
    ...changes,
  };
}
