import { TextLineStream } from "@std/streams";
import {
  type Library,
  listDevices,
  loadBackends,
  type Model,
  NativeError,
  openLibrary,
  printLogs,
  tensorSizes,
} from "../../ffi/mod.ts";
import { ShimmyError } from "../errors.ts";
import { isProgram } from "../own_command.ts";
import { configureContext } from "./context_options.ts";
import { NativeGate } from "./gate.ts";
import { kvBytesPerToken } from "./memory_plan.ts";
import {
  PLAN_MARK,
  type PlanAnswer,
  type PlannedModel,
  type PlanQuestion,
} from "./plan_messages.ts";
import type { LoadOptions } from "./protocol.ts";
import { defaultThreads } from "./system.ts";
import { readWeights } from "./weights.ts";
import { toWire } from "./wire.ts";

/**
 * A process that loads a model without memory for it. libllama tells where it would put what in its log
 * alone, so the log goes to standard error, as it is, and each answer follows it there as a line: no
 * callback into JavaScript is needed, which a driver's own thread could call at a bad time.
 */
export async function planChild(): Promise<void> {
  using planner = new Planner();
  const lines = Deno.stdin.readable
    .pipeThrough(new TextDecoderStream())
    .pipeThrough(new TextLineStream());
  for await (const line of lines) {
    const text = `\n${PLAN_MARK}${JSON.stringify(planner.answer(JSON.parse(line)))}\n`;
    const bytes = new TextEncoder().encode(text);
    for (let at = 0; at < bytes.length;) at += Deno.stderr.writeSync(bytes.subarray(at));
  }
}

class Planner implements Disposable {
  #library: Library | null = null;
  #loaded: { readonly model: Model; readonly options: LoadOptions } | null = null;

  answer(question: PlanQuestion): PlanAnswer {
    try {
      if (question.type === "model") return { model: this.#load(question.options) };
      this.#makeContext(question.length);
      return { context: "made" };
    } catch (error) {
      return { error: toWire(error) };
    }
  }

  #load(options: LoadOptions): PlannedModel {
    this.#unload();
    const library = this.#library ??= open(options.libraryFolder);
    const watcher = {
      onProgress: () => {},
      isCancelled: () => false,
      gate: new NativeGate(),
    };
    const devices = listDevices(library);
    const model = readWeights(library, options.modelPaths, options, watcher, true);
    this.#loaded = { model, options };
    return {
      layers: model.layers,
      trainedContext: model.trainedContext,
      generates: !model.isEmbeddingModel,
      kvBytesPerToken: kvBytesPerToken(model, model.metadata(), options.kvType),
      tensors: options.modelPaths.flatMap((path) => tensorSizes(library, path)),
      devices,
    };
  }

  #makeContext(length: number): void {
    const { model, options } = this.#loaded!;
    const threads = options.threads > 0 ? options.threads : defaultThreads();
    try {
      model.createContext((parameters) => configureContext(parameters, options, length, threads))
        .close();
    } catch (cause) {
      if (!(cause instanceof NativeError)) throw cause;
      throw new ShimmyError("backend", `The model allows no context of ${length} tokens`, {
        cause,
      });
    }
  }

  #unload(): void {
    this.#loaded?.model.close();
    this.#loaded = null;
  }

  [Symbol.dispose](): void {
    this.#unload();
    this.#library?.close();
  }
}

function open(folder: string): Library {
  const library = openLibrary(folder);
  printLogs(library);
  loadBackends(library);
  library.llama.llama_backend_init();
  return library;
}

if (isProgram(import.meta)) void planChild();
