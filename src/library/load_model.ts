import type { Environment, ModelSession } from "../cli/environment/mod.ts";
import { GLOBAL_OPTIONS, type GlobalValues, parseOptions } from "../cli/options/mod.ts";
import type { KvType } from "../engine/protocol/mod.ts";
import type { BackendChoice } from "../runtime/mod.ts";
import { type Model, SessionModel } from "./model.ts";

/**
 * The model and how to load it. Omitted options come from the environment variables of the command line,
 * such as `SHIMMY_GPU_BACKEND` and `SHIMMY_MODEL_PATHS`, or have the command line's defaults. The
 * configuration file is not read.
 */
export interface LoadModelOptions {
  /**
   * Name of a discovered model, or path of a GGUF file.
   * @default {"SHIMMY_BASE_GGUF, else the first model that is found, else the built-in shimmy-tiny"}
   */
  readonly model?: string;
  /** Additional folders with models. */
  readonly modelDirs?: readonly string[];
  /** Compute backend. */
  readonly gpuBackend?: BackendChoice;
  /** Layers to offload to the GPU. `auto`: as many as fit. @default {"auto"} */
  readonly gpuLayers?: number | "auto" | "all";
  /** Context length of each sequence in tokens. 0: the training length, or what fits. @default {0} */
  readonly contextLength?: number;
  /** Answers that are generated at once; more wait. @default {1} */
  readonly parallel?: number;
  /** CPU threads. 0: one for each core, and one for a model below 8 MiB. @default {0} */
  readonly threads?: number;
  /** Data type of the KV cache. @default {"f16"} */
  readonly kvType?: KvType;
  /** Receives messages about models and libraries. By default, nothing is printed. */
  readonly onNote?: (line: string) => void;
  /** Cancels the load. */
  readonly signal?: AbortSignal;
}

/**
 * Finds libllama and a model like the command line, and loads the model. A missing libllama is downloaded;
 * a missing model is not. A model on the CPU runs in a Worker of this process, and a model on a GPU runs in
 * its own process.
 *
 * @throws {ShimmyError} `not_found` for an unknown model; `backend` if the model cannot be loaded or
 * libllama cannot be found; `cancelled`
 * @throws {RangeError} for a number that is out of range
 */
export async function loadModel(options: LoadModelOptions = {}): Promise<Model> {
  const parallel = whole("parallel", options.parallel ?? 1, 1, 256);
  const session = await openSession(options, parallel);
  try {
    const entry = await session.selectModel();
    const engine = await session.registry.engine(entry, options.signal);
    return new SessionModel(entry, engine, session);
  } catch (error) {
    await session[Symbol.asyncDispose]();
    throw error;
  }
}

async function openSession(options: LoadModelOptions, parallel: number): Promise<ModelSession> {
  const note = options.onNote ?? (() => {});
  const env = (name: string) => Deno.env.get(name);
  const globals = globalValues(options, env);
  const { openModelSession } = await import("../cli/sessions/model_session.ts");
  const unused = () => {
    throw new Error("A library has no terminal");
  };
  const environment: Environment = {
    env,
    output: {
      note,
      alert: note,
      silence: () => {},
      progress: () => {},
      isTerminal: false,
      showsProgress: false,
      write: unused,
      print: unused,
    },
    input: { isTerminal: false, text: unused, line: unused, secret: unused },
    keyboard: null,
    defaultServer: null,
    onInterrupt: unused,
    openModelSession: (request) => openModelSession(request, environment),
  };
  const { model: named } = options;
  return await environment.openModelSession({ globals, named, parallel, paths: "any" });
}

/** The command line's options, with those that a caller gives in place. */
function globalValues(
  { modelDirs, gpuBackend, gpuLayers, contextLength, threads, kvType }: LoadModelOptions,
  env: (name: string) => string | undefined,
): GlobalValues {
  const { values } = parseOptions([], GLOBAL_OPTIONS, env);
  const layers = gpuLayers === "auto" || gpuLayers === undefined
    ? null
    : gpuLayers === "all"
    ? -1
    : whole("gpuLayers", gpuLayers, 0, 999_999_999);
  return {
    ...values,
    ...(modelDirs === undefined ? {} : { "model-dirs": modelDirs.map((path) => `${path};`) }),
    ...(gpuBackend === undefined ? {} : { "gpu-backend": gpuBackend }),
    "gpu-layers": layers,
    ...(contextLength === undefined
      ? {}
      : { ctx: whole("contextLength", contextLength, 0, 2 ** 31 - 1) }),
    ...(threads === undefined ? {} : { threads: whole("threads", threads, 0, 1024) }),
    ...(kvType === undefined ? {} : { "kv-type": kvType }),
  };
}

function whole(name: string, value: number, min: number, max: number): number {
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new RangeError(`${name}: must be a whole number from ${min} to ${max}, not ${value}`);
}
