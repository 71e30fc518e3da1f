/** Writes to Ollama's store: blobs, and models that are created from other models or from blobs. */

export type { Blob, Blobs } from "./blobs.ts";
export type { CreatedModel, CreateRequest } from "./create.ts";
