import { basename } from "@std/path";
import {
  GGUF_TYPE,
  GgufFile,
  type Library,
  type LoraAdapter,
  type Model,
  NativeError,
} from "../../../ffi/mod.ts";
import { ShimmyError } from "../../errors.ts";
import { CONTROL_VECTOR, type ControlVector, readControlVector } from "./control_vector.ts";
import { sha256 } from "../../digest.ts";
import { explainAdapterFailure, type NativeGate } from "../native/mod.ts";

/** What adapters are loaded for. */
export interface AdapterResources {
  readonly library: Library;
  readonly model: Model;
  readonly gate: NativeGate;
}

/** An adapter as its file says: matrices that change the weights, or directions that are added. */
export type LoadedAdapter =
  | { readonly kind: "lora"; readonly lora: LoraAdapter }
  | { readonly kind: "control-vector"; readonly vector: ControlVector };

/** Metadata that the library reads as of one type, and ends the process where it is of another. */
const TYPES: readonly (readonly [key: string, type: number])[] = [
  ["general.type", GGUF_TYPE.STRING],
  ["general.architecture", GGUF_TYPE.STRING],
  ["adapter.type", GGUF_TYPE.STRING],
  ["adapter.lora.alpha", GGUF_TYPE.FLOAT32],
];

/** The text after which alone an activated LoRA counts. */
const INVOCATION = "adapter.alora.invocation_tokens";

/**
 * Loads an adapter, as what its file says it is.
 * @throws {ShimmyError} `backend`, with a sentence that says what is wrong with the file.
 */
export function loadAdapter(resources: AdapterResources, path: string): LoadedAdapter {
  const { library, model, gate } = resources;
  const subject = `The adapter '${basename(path)}'`;
  const refuse = (what: string) =>
    new ShimmyError("backend", `${subject} ${what}`, { detail: path });
  const explained = <T>(work: () => T, again: () => void): T => {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof NativeError)) throw error;
      throw explainAdapterFailure({ gate, library, subject, path }, again, error);
    }
  };
  const read = () => GgufFile.open(library, path);
  using file = explained(read, () => read().close());
  const architecture = file.text("general.architecture");
  if (architecture === CONTROL_VECTOR) {
    return { kind: "control-vector", vector: readControlVector(file, path, subject, model) };
  }
  for (const [key, type] of TYPES) {
    const given = file.typeOf(key);
    if (given !== null && given !== type) throw refuse("is truncated or damaged");
  }
  if (file.text("adapter.type") !== "lora") {
    throw refuse("is neither a LoRA adapter nor a control vector");
  }
  if (file.typeOf(INVOCATION) !== null) {
    throw refuse("is a LoRA that counts from an invocation on, which is not supported");
  }
  if (architecture !== model.architecture) {
    throw refuse(`was made for ${architecture}, but this model is ${model.architecture}`);
  }
  const lora = explained(() => model.loadLora(path), () => model.loadLora(path).close());
  return { kind: "lora", lora };
}

/** Bytes hashed at a time. */
const CHUNK = 1 << 20;

/**
 * What makes two adapters the same: what their files hold. Times and sizes would not tell apart files
 * that were unpacked from archives without times.
 */
export function hashFile(path: string): string {
  const hash = sha256();
  const buffer = new Uint8Array(CHUNK);
  using file = Deno.openSync(path);
  for (let read; (read = file.readSync(buffer)) !== null;) hash.update(buffer.subarray(0, read));
  return hash.digest("hex");
}
