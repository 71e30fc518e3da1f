import type { ModelEntry } from "../../src/models/entry/entry.ts";

/** An entry for a model that no file backs. */
export function modelEntry(name: string, more: Partial<ModelEntry> = {}): ModelEntry {
  return {
    name,
    paths: [`/models/${name}.gguf`],
    size: 0,
    modified: 0,
    source: "folder",
    architecture: "llama",
    quantization: "F16",
    parameters: null,
    contextLength: null,
    embeddingLength: null,
    chatTemplate: null,
    kind: "language",
    loras: [],
    ...more,
  };
}
