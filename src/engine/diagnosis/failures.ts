import { basename } from "node:path";
import {
  captureLogs,
  type Library,
  type LogLine,
  Model,
  type ModelOptions,
  type NativeError,
} from "../../../ffi/mod.ts";
import { ShimmyError } from "../../errors.ts";

/** Runs native work while no other thread is in native code; null if the others do not leave: see `NativeGate`. */
interface ExclusiveGate {
  exclusive<T>(work: () => T): { readonly value: T } | null;
}

/** Maps a native log message to an error message. The patterns are texts of libllama v0.5.0. */
interface FailurePattern {
  readonly pattern: RegExp;
  /** Log level of the lines to match. Default `error`. */
  readonly level?: LogLine["level"];
  readonly reason: (match: RegExpExecArray) => string;
}

/** Failures of any GGUF file. */
const FILE_FAILURES: readonly FailurePattern[] = [
  { pattern: /failed to open/, reason: () => "file cannot be opened" },
  { pattern: /invalid magic|failed to read magic/, reason: () => "file is not GGUF" },
  {
    pattern: /bad GGUF version|GGUFv1 is no longer supported|GGUF file(?: is)? version \d+/,
    reason: () => "GGUF version is not supported by this libllama",
  },
  {
    pattern: /has invalid ggml type (\d+)/,
    reason: ([, type]) => `tensor type ${type} is not supported by this libllama`,
  },
  {
    pattern: /not within the file bounds|gguf_init_from_reader: (?:failed|encountered|duplicate)/,
    reason: () => "file is truncated or damaged",
  },
];

const MODEL_FAILURES: readonly FailurePattern[] = [
  ...FILE_FAILURES,
  {
    pattern: /- kv +\d+: +general\.type +str +\S+ adapter/,
    level: "info",
    reason: () => "file is an adapter, not a model",
  },
  {
    pattern: /unknown model architecture: 'controlvector'/,
    reason: () => "file is a control vector, not a model",
  },
  {
    pattern: /un(?:known|supported) model architecture: '([^']*)'/,
    reason: ([, name]) => `architecture '${name}' is not supported by this libllama`,
  },
  {
    pattern: /CLIP cannot be used as main model/,
    reason: () => "file is a multimodal projector, not a model",
  },
  {
    pattern: /missing tensor '([^']*)'|tensor '([^']*)' not found/,
    reason: ([, missing, notFound]) => `tensor '${missing ?? notFound}' is missing`,
  },
  {
    pattern: /wrong number of tensors|tensor '[^']*' has wrong shape/,
    reason: () => "tensors do not match the metadata",
  },
  {
    pattern: /unknown (?:pre-)?tokenizer(?: type)?: '([^']*)'/,
    reason: ([, name]) => `tokenizer '${name}' is not supported by this libllama`,
  },
  {
    pattern: /cannot find tokenizer (vocab|merges)/,
    reason: ([, part]) => `tokenizer ${part} is missing`,
  },
  {
    pattern: /key not found in model: (\S+)/,
    reason: ([, key]) => `metadata key '${key}' is missing`,
  },
  {
    pattern: /invalid split|split file|split count|expected but \d+ found|GGUF split/,
    reason: () => "shards do not belong to one model",
  },
];

/** Placements that the devices do not support. */
const PLACEMENT_FAILURES: readonly FailurePattern[] = [
  {
    pattern: /device (\S+) does not support split buffers/,
    reason: ([, device]) =>
      `--split-mode row: ${device} cannot split matrices by rows; use layer or none`,
  },
  {
    pattern: /SPLIT_MODE_TENSOR not implemented for architecture '([^']*)'/,
    reason: ([, name]) => `--split-mode tensor: architecture '${name}' is not supported; use layer`,
  },
  {
    pattern: /SPLIT_MODE_TENSOR needs >= 1 devices/,
    reason: () => "--split-mode tensor: requires a GPU",
  },
];

const ADAPTER_FAILURES: readonly FailurePattern[] = [
  ...FILE_FAILURES,
  {
    pattern: /has incorrect shape|does not exist in base model/,
    reason: () => "adapter was made for another model",
  },
  {
    pattern: /expect general\.type|unexpected suffix|missing one component/,
    reason: () => "file is not a LoRA adapter that libllama can read",
  },
];

function explain(
  failures: readonly FailurePattern[],
  lines: readonly LogLine[],
): string | null {
  for (const { pattern, level = "error", reason } of failures) {
    for (const line of lines) {
      const match = line.level === level ? pattern.exec(line.text) : null;
      if (match !== null) return reason(match);
    }
  }
  return null;
}

const textOf = (lines: readonly LogLine[]) =>
  lines.filter(({ level }) => level === "error").map(({ text }) => text).join("\n");

/**
 * Repeats failed work and captures the native log, which is the only place where libllama reports
 * reasons. Captures nothing if other threads do not leave native code in time.
 */
function repeatWithLog<T>(
  gate: ExclusiveGate,
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
 * Explains why a model could not be loaded.
 *
 * Repeats the load without allocating weights: first with the same placement, for messages of the
 * devices; then on the CPU. If the load on the CPU succeeds, memory was the problem.
 */
export function explainLoadFailure(
  gate: ExclusiveGate,
  library: Library,
  { paths, ...placement }: ModelOptions,
  cause: NativeError,
): ShimmyError {
  const load = (changes: Partial<ModelOptions>) =>
    repeatWithLog(gate, library, () => {
      Model.load(library, { ...placement, paths, noAllocation: true, ...changes }).close();
      return true;
    });
  const placed = load({});
  const unsupported = explain(PLACEMENT_FAILURES, placed.lines);
  if (unsupported !== null) {
    return new ShimmyError("invalid", unsupported, { field: "split-mode", cause });
  }
  const { tensorOverrides = [] } = placement;
  const isOverridden = tensorOverrides.length > 0 && placed.value === null;
  if (isOverridden && load({ tensorOverrides: [] }).value !== null) {
    const why = "--override-tensor: a pattern is not a C++ regular expression " +
      "(no lookbehind, named groups or \\p)";
    const detail = textOf(placed.lines);
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
    ? `not enough memory for the weights (${(bytes / 2 ** 30).toFixed(1)} GiB)`
    : explain(MODEL_FAILURES, lines) ?? "libllama cannot read the file";
  return new ShimmyError("backend", `Cannot load model: ${reason}`, { detail, cause });
}

/**
 * Explains why an adapter could not be loaded.
 *
 * @param again repeats the failed work.
 */
export function explainAdapterFailure(
  { gate, library, path }: {
    readonly gate: ExclusiveGate;
    readonly library: Library;
    readonly path: string;
  },
  again: () => void,
  cause: NativeError,
): ShimmyError {
  const { lines } = repeatWithLog(gate, library, again);
  const reason = explain(ADAPTER_FAILURES, lines) ?? "libllama cannot read the file";
  return new ShimmyError("backend", `Cannot load adapter '${basename(path)}': ${reason}`, {
    detail: `${path}: ${textOf(lines) || cause.message}`,
    cause,
  });
}
