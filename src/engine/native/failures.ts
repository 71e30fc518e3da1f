import {
  captureLogs,
  type Library,
  type LogLine,
  Model,
  type ModelOptions,
  type NativeError,
} from "../../../ffi/mod.ts";
import { ShimmyError } from "../../errors.ts";
import type { NativeGate } from "./native_gate.ts";

/** What a native message means for the person who asked. The patterns are libllama's words, v0.5.0. */
interface FailurePattern {
  readonly pattern: RegExp;
  /** The level of the lines to look at, where it is not `error`. */
  readonly level?: LogLine["level"];
  /** @param subject the file, at the beginning of a sentence. */
  readonly say: (subject: string, match: RegExpExecArray) => string;
}

/** What may be wrong with any GGUF file. */
const FILE_FAILURES: readonly FailurePattern[] = [
  {
    pattern: /failed to open/,
    say: (subject) => `${subject} cannot be opened`,
  },
  {
    pattern: /invalid magic|failed to read magic/,
    say: (subject) => `${subject} is not a GGUF file`,
  },
  {
    pattern: /bad GGUF version|GGUFv1 is no longer supported|GGUF file(?: is)? version \d+/,
    say: (subject) => `${subject} has a GGUF version that this libllama cannot read`,
  },
  {
    pattern: /has invalid ggml type (\d+)/,
    say: (subject, [, type]) =>
      `${subject} holds tensors of the type ${type}, which this libllama does not know`,
  },
  {
    pattern: /not within the file bounds|gguf_init_from_reader: (?:failed|encountered|duplicate)/,
    say: (subject) => `${subject} is truncated or damaged`,
  },
];

const MODEL_FAILURES: readonly FailurePattern[] = [
  ...FILE_FAILURES,
  {
    pattern: /- kv +\d+: +general\.type +str +\S+ adapter/,
    level: "info",
    say: (subject) => `${subject} is an adapter and not a model`,
  },
  {
    pattern: /unknown model architecture: 'controlvector'/,
    say: (subject) => `${subject} is a control vector and not a model`,
  },
  {
    pattern: /un(?:known|supported) model architecture: '([^']*)'/,
    say: (_, [, name]) => `The model's architecture '${name}' is not supported by this libllama`,
  },
  {
    pattern: /CLIP cannot be used as main model/,
    say: (subject) => `${subject} is a projector for images and not a model`,
  },
  {
    pattern: /missing tensor '([^']*)'|tensor '([^']*)' not found/,
    say: (subject, [, missing, notFound]) => `${subject} lacks the tensor '${missing ?? notFound}'`,
  },
  {
    pattern: /wrong number of tensors|tensor '[^']*' has wrong shape/,
    say: (subject) => `${subject} holds other tensors than its metadata says`,
  },
  {
    pattern: /unknown (?:pre-)?tokenizer(?: type)?: '([^']*)'/,
    say: (_, [, name]) => `The model's tokenizer '${name}' is not supported by this libllama`,
  },
  {
    pattern: /cannot find tokenizer (vocab|merges)/,
    say: (subject, [, part]) => `${subject} lacks its tokenizer's ${part}`,
  },
  {
    pattern: /key not found in model: (\S+)/,
    say: (subject, [, key]) => `${subject} lacks the metadata '${key}'`,
  },
  {
    pattern: /invalid split|split file|split count|expected but \d+ found|GGUF split/,
    say: () => "The parts of the model's file do not belong together",
  },
];

/** What devices cannot do with a model that is all right. */
const PLACEMENT_FAILURES: readonly FailurePattern[] = [
  {
    pattern: /device (\S+) does not support split buffers/,
    say: (_, [, device]) =>
      `--split-mode row: ${device} cannot hold rows of matrices; it must be layer or none there`,
  },
  {
    pattern: /SPLIT_MODE_TENSOR not implemented for architecture '([^']*)'/,
    say: (_, [, name]) =>
      `--split-mode tensor: is not to be had for the architecture '${name}'; layer is for all of them`,
  },
  {
    pattern: /SPLIT_MODE_TENSOR needs >= 1 devices/,
    say: () => "--split-mode tensor: needs a GPU",
  },
];

const ADAPTER_FAILURES: readonly FailurePattern[] = [
  ...FILE_FAILURES,
  {
    pattern: /has incorrect shape|does not exist in base model/,
    say: (subject) => `${subject} was made for another model`,
  },
  {
    pattern: /expect general\.type|unexpected suffix|missing one component/,
    say: (subject) => `${subject} is no LoRA adapter that libllama can read`,
  },
];

function explain(
  explanations: readonly FailurePattern[],
  subject: string,
  lines: readonly LogLine[],
): string | null {
  for (const { pattern, level = "error", say } of explanations) {
    for (const line of lines) {
      const match = line.level === level ? pattern.exec(line.text) : null;
      if (match !== null) return say(subject, match);
    }
  }
  return null;
}

const textOf = (lines: readonly LogLine[]) =>
  lines.filter(({ level }) => level === "error").map(({ text }) => text).join("\n");

/**
 * Does again what failed, and returns what the library logs meanwhile; it tells its reasons nowhere
 * else. Nothing is known where other threads leave no moment for it.
 */
function repeatWithLog<T>(
  gate: NativeGate,
  library: Library,
  work: () => T,
): { readonly value: T | null; readonly lines: readonly LogLine[] } {
  const outcome = gate.exclusive(() =>
    captureLogs(library, () => {
      try {
        return work();
      } catch {
        return null;
      }
    })
  );
  return outcome?.value ?? { value: null, lines: [] };
}

/**
 * Why a model could not be loaded.
 *
 * Loading is tried once more without memory for the weights: as it was asked for, to see what the
 * devices say, and on the CPU. Where that succeeds it was memory that was missing.
 */
export function explainLoadFailure(
  gate: NativeGate,
  library: Library,
  { paths, ...placement }: ModelOptions,
  cause: NativeError,
): ShimmyError {
  const again = (changes: Partial<ModelOptions>) =>
    repeatWithLog(gate, library, () => {
      Model.load(library, { ...placement, paths, noAllocation: true, ...changes }).close();
      return true;
    });
  const there = again({});
  const refused = explain(PLACEMENT_FAILURES, "", there.lines);
  if (refused !== null) {
    return new ShimmyError("invalid", refused, { field: "split-mode", cause });
  }
  const { tensorOverrides = [] } = placement;
  const isOverridden = tensorOverrides.length > 0 && there.value === null;
  if (isOverridden && again({ tensorOverrides: [] }).value !== null) {
    const why = "--override-tensor: libllama cannot read a pattern; it takes regular expressions " +
      "of C++, which have no lookbehind, named groups or \\p";
    const detail = textOf(there.lines);
    return new ShimmyError("invalid", why, { field: "override-tensor", detail, cause });
  }
  const { value: bytes, lines } = repeatWithLog(gate, library, () => {
    using model = Model.load(library, {
      paths,
      gpuLayers: 0,
      devices: [],
      noAllocation: true,
    });
    return model.size;
  });
  const detail = `${paths[0]}: ${textOf(lines) || cause.message}`;
  const reason = bytes !== null
    ? "There is not enough memory to load the model: its weights take " +
      `${(bytes / 2 ** 30).toFixed(1)} GiB`
    : explain(MODEL_FAILURES, "The model's file", lines) ??
      "The model's file cannot be loaded by libllama";
  return new ShimmyError("backend", reason, { detail, cause });
}

/**
 * Why an adapter could not be loaded for a model.
 *
 * @param again does what failed once more.
 */
export function explainAdapterFailure(
  { gate, library, subject, path }: {
    readonly gate: NativeGate;
    readonly library: Library;
    /** The file, at the beginning of a sentence. */
    readonly subject: string;
    readonly path: string;
  },
  again: () => void,
  cause: NativeError,
): ShimmyError {
  const { lines } = repeatWithLog(gate, library, again);
  const reason = explain(ADAPTER_FAILURES, subject, lines) ??
    `${subject} cannot be loaded by libllama`;
  return new ShimmyError("backend", reason, {
    detail: `${path}: ${textOf(lines) || cause.message}`,
    cause,
  });
}
