import {
  GGUF_TYPE,
  GgufFile,
  type Library,
  type LoraAdapter,
  type Model,
  NativeError,
} from "../../../ffi/mod.ts";
import { messageOf } from "../../errors.ts";
import { checkRegularFileSync } from "../../regular_file.ts";
import {
  adapterError,
  CONTROL_VECTOR,
  type ControlVector,
  readControlVector,
} from "./control_vector.ts";
import { sha256 } from "../../digest.ts";
import { explainAdapterFailure } from "../diagnosis/mod.ts";
import type { NativeGate } from "../native/mod.ts";

/** Inputs of a load of adapters. */
export interface AdapterResources {
  readonly library: Library;
  readonly model: Model;
  readonly gate: NativeGate;
}

/** A loaded adapter: matrices that change weights, or directions added to layer outputs. */
export type LoadedAdapter =
  | { readonly kind: "lora"; readonly lora: LoraAdapter }
  | { readonly kind: "control-vector"; readonly vector: ControlVector };

/** Metadata types that libllama expects. It aborts the process on any other type. */
const TYPES: readonly (readonly [key: string, type: number])[] = [
  ["general.type", GGUF_TYPE.STRING],
  ["general.architecture", GGUF_TYPE.STRING],
  ["adapter.type", GGUF_TYPE.STRING],
  ["adapter.lora.alpha", GGUF_TYPE.FLOAT32],
];

/** Metadata key of an activated LoRA (aLoRA), which applies only after an invocation text. */
const INVOCATION = "adapter.alora.invocation_tokens";

/**
 * Loads an adapter. The kind is read from the file.
 * @throws {ShimmyError} `backend` with the reason.
 */
export function loadAdapter(resources: AdapterResources, path: string): LoadedAdapter {
  const { library, model, gate } = resources;
  const refuse = (reason: string) => adapterError(path, reason);
  const explained = <T>(work: () => T, again: () => void): T => {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof NativeError)) throw error;
      throw explainAdapterFailure({ gate, library, path }, again, error);
    }
  };
  checkFile(path);
  const read = () => GgufFile.open(library, path);
  using file = explained(read, () => read().close());
  const architecture = file.text("general.architecture");
  if (architecture === CONTROL_VECTOR) {
    return { kind: "control-vector", vector: readControlVector(file, path, model) };
  }
  for (const [key, type] of TYPES) {
    const given = file.typeOf(key);
    if (given !== null && given !== type) throw refuse("file is truncated or damaged");
  }
  if (file.text("adapter.type") !== "lora") {
    throw refuse("file is neither a LoRA adapter nor a control vector");
  }
  if (file.typeOf(INVOCATION) !== null) {
    throw refuse("activated LoRA (aLoRA) adapters are not supported");
  }
  if (architecture !== model.architecture) {
    throw refuse(`adapter was made for ${architecture}, the model is ${model.architecture}`);
  }
  const lora = explained(() => model.loadLora(path), () => model.loadLora(path).close());
  return { kind: "lora", lora };
}

/** Refuses a path that libllama would wait for. The errors of a missing file are libllama's. */
function checkFile(path: string): void {
  try {
    checkRegularFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw adapterError(path, messageOf(error));
  }
}

/** Bytes hashed at a time. */
const CHUNK = 1 << 20;

/**
 * SHA-256 of a file in hexadecimal digits. Identifies an adapter by content: times and sizes do not
 * distinguish files unpacked from archives without times.
 */
export function hashFile(path: string): string {
  const hash = sha256();
  const buffer = new Uint8Array(CHUNK);
  using file = Deno.openSync(path);
  for (let read; (read = file.readSync(buffer)) !== null;) hash.update(buffer.subarray(0, read));
  return hash.digest("hex");
}
