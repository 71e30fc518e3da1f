import { captureLogs, type Library, type LogLine, Model, type NativeError } from "../../ffi/mod.ts";
import { ShimmyError } from "../errors.ts";

/** What a native message means for the person who asked. */
interface Explanation {
  readonly pattern: RegExp;
  readonly say: (match: RegExpExecArray) => string;
}

const LOAD_FAILURES: readonly Explanation[] = [
  {
    pattern: /unknown model architecture: '([^']*)'/,
    say: (match) => `The model's architecture '${match[1]}' is not supported by this libllama`,
  },
  {
    pattern: /invalid magic|failed to read magic|bad magic/,
    say: () => "The file is not a GGUF model",
  },
  {
    pattern: /not within the file bounds|failed to read (key-value|tensor)|truncated|incomplete/,
    say: () => "The model's file is truncated or damaged",
  },
  {
    pattern: /unsupported version|bad GGUF version/,
    say: () => "The model's file has a GGUF version that this libllama cannot read",
  },
  {
    pattern: /missing tensor '([^']*)'/,
    say: (match) => `The model's file lacks the tensor '${match[1]}'`,
  },
  {
    pattern: /key not found in model: (\S+)/,
    say: (match) => `The model's file lacks the metadata '${match[1]}'`,
  },
  {
    pattern: /No such file or directory|failed to open/,
    say: () => "The model's file cannot be opened",
  },
];

const ADAPTER_FAILURES: readonly Explanation[] = [
  ...LOAD_FAILURES.slice(1, 3),
  {
    pattern: /arch mismatch|incorrect shape|does not exist in base model|wrong base model/,
    say: () => "was made for another model",
  },
  {
    pattern: /general\.type|adapter\.type|expect general.type/,
    say: () => "is not a LoRA adapter",
  },
  { pattern: /No such file or directory|failed to open/, say: () => "cannot be opened" },
];

function explain(explanations: readonly Explanation[], lines: readonly LogLine[]): string | null {
  for (const { pattern, say } of explanations) {
    for (const line of lines) {
      const match = pattern.exec(line.text);
      if (match !== null) return say(match);
    }
  }
  return null;
}

const textOf = (lines: readonly LogLine[]) =>
  lines.filter(({ level }) => level === "error").map(({ text }) => text).join("\n");

/**
 * Why a model could not be loaded.
 *
 * libllama tells it in its log alone, so loading is tried once more, on the CPU and without memory for
 * the weights, with a log that is read. Where that succeeds it was memory that was missing.
 */
export function explainLoadFailure(
  library: Library,
  paths: readonly string[],
  cause: NativeError,
): ShimmyError {
  const { value: loaded, lines } = captureLogs(library, () => {
    try {
      using model = Model.load(library, {
        paths,
        gpuLayers: 0,
        devices: [],
        noAllocation: true,
      });
      return model.size;
    } catch {
      return null;
    }
  });
  const detail = `${paths[0]}: ${textOf(lines) || cause.message}`;
  if (loaded !== null) {
    const gigabytes = (loaded / 2 ** 30).toFixed(1);
    return new ShimmyError(
      "backend",
      `There is not enough memory to load the model: its weights take ${gigabytes} GiB`,
      { detail, cause },
    );
  }
  const reason = explain(LOAD_FAILURES, lines) ?? "The model's file cannot be loaded by libllama";
  return new ShimmyError("backend", reason, { detail, cause });
}

/** Why an adapter could not be loaded for a model. */
export function explainAdapterFailure(
  library: Library,
  model: Model,
  path: string,
  name: string,
  cause: NativeError,
): ShimmyError {
  const { lines } = captureLogs(library, () => {
    try {
      model.loadLora(path).close();
    } catch {
      // The log says why.
    }
  });
  const reason = explain(ADAPTER_FAILURES, lines) ?? "cannot be loaded by libllama";
  const sentence = reason.startsWith("The ") ? reason : `The adapter '${name}' ${reason}`;
  return new ShimmyError("backend", sentence, {
    detail: `${path}: ${textOf(lines) || cause.message}`,
    cause,
  });
}
