import { basename } from "node:path";
import type { ModelEntry } from "../../../../models/entry/mod.ts";
import type { AdapterFile } from "../../../../models/registry/mod.ts";
import { qualifiedName } from "../../../answers/mod.ts";
import { taggedName } from "./tagged_name.ts";

const UNITS = [[1e12, "T", 1], [1e9, "B", 1], [1e6, "M", 2], [1e3, "K", 1]] as const;

/** A number of parameters in short form, e.g. `7.6B` or `2.62M`; empty when unknown. */
export function parameterSize(parameters: number | null): string {
  if (parameters === null) return "";
  const unit = UNITS.find(([size]) => parameters >= size);
  if (unit === undefined) return String(parameters);
  const [size, letter, digits] = unit;
  return `${Number((parameters / size).toFixed(digits))}${letter}`;
}

/** `details` of a model. */
export function details(entry: ModelEntry, adapter: AdapterFile | null = null) {
  return {
    parent_model: adapter === null ? "" : taggedName(entry),
    format: "gguf",
    family: entry.architecture,
    // Some clients tell by this name that a model reads images.
    families: [entry.architecture, ...(entry.projector === undefined ? [] : ["clip"])],
    parameter_size: parameterSize(entry.parameters),
    quantization_level: entry.quantization,
    ...(entry.contextLength === null ? {} : { context_length: entry.contextLength }),
    ...(entry.embeddingLength === null ? {} : { embedding_length: entry.embeddingLength }),
  };
}

/**
 * The digest of a model as 64 hexadecimal digits. The name of a blob in Ollama's store is the SHA-256 of
 * its content; the content of other files is too large to hash for a list, so name, size and modification
 * time are hashed.
 */
export async function digest(entry: ModelEntry): Promise<string> {
  const blob = /^sha256-([0-9a-f]{64})$/.exec(basename(entry.paths[0] ?? ""));
  if (blob !== null) return blob[1]!;
  const identity = JSON.stringify([entry.name, entry.size, entry.modified]);
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(identity));
  return Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The fields of a model in lists. */
export async function listed(entry: ModelEntry, adapter: AdapterFile | null = null) {
  const shown = { ...entry, name: qualifiedName({ entry, adapter }) };
  const name = taggedName(shown);
  return {
    name,
    model: name,
    size: entry.size,
    digest: await digest(shown),
    details: details(entry, adapter),
  };
}
