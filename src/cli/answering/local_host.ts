import {
  answer,
  type AnswerEvent,
  type AnswerRequest,
  countTokens,
  type Input,
} from "../../chat/mod.ts";
import { type Engine, iterateEvents } from "../../engine/mod.ts";
import { type MediaInput, mediaRefusal } from "../../engine/protocol/mod.ts";
import {
  capabilitiesOf,
  checkGeneratesText,
  type ModelEntry,
  modelfileOf,
  modelfileText,
} from "../../models/entry/mod.ts";
import type { Environment, ModelSession } from "../environment/mod.ts";
import { bytes, parameters } from "../output/mod.ts";
import { type NamedModelRequest, openNamedModel } from "../sessions/mod.ts";
import type { ModelDescription, ModelHost, OpenModel } from "./model_host.ts";

/** A request for a session, with the name of its first model. */
export type LocalRequest = Omit<NamedModelRequest, "signal">;

/** Models in this process. One model is loaded at a time. */
export class LocalHost implements ModelHost {
  readonly server = null;
  readonly #environment: Environment;
  readonly #request: LocalRequest;
  #session: ModelSession | null = null;

  constructor(environment: Environment, request: LocalRequest) {
    this.#environment = environment;
    this.#request = request;
  }

  get isOpen(): boolean {
    return this.#session !== null;
  }

  async list(): Promise<readonly string[]> {
    const entries = await this.#session?.registry.list() ?? [];
    return entries.map(({ name }) => name);
  }

  async open(name: string | undefined, signal: AbortSignal): Promise<OpenModel> {
    const session = await openNamedModel(this.#environment, {
      ...this.#request,
      asked: name,
      signal,
    });
    try {
      const entry = await session.selectModel();
      checkGeneratesText(entry);
      // Two models may not fit into memory together.
      await this.#session?.[Symbol.asyncDispose]();
      this.#session = null;
      const engine = await session.registry.engine(entry, signal);
      this.#session = session;
      return new LocalModel(entry, engine, this.#request.globals["context-shift"]);
    } catch (error) {
      await session[Symbol.asyncDispose]();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session?.[Symbol.asyncDispose]();
  }
}

class LocalModel implements OpenModel {
  readonly name: string;
  readonly maxTokens: number | null;
  readonly shiftsContext: boolean;
  readonly #entry: ModelEntry;
  readonly #engine: Engine;

  constructor(entry: ModelEntry, engine: Engine, shiftsContext: boolean) {
    this.shiftsContext = shiftsContext;
    this.#entry = entry;
    this.#engine = engine;
    this.name = entry.name;
    this.maxTokens = entry.settings?.maxTokens ?? null;
  }

  get contextLength(): number {
    return this.#engine.info.contextLength;
  }

  refusalOf(type: MediaInput["type"]): string | null {
    return mediaRefusal(this.#engine.info.media, type);
  }

  get hasTemplate(): boolean {
    return this.#engine.info.chatTemplate !== null;
  }

  async *answer(request: AnswerRequest, signal: AbortSignal): AsyncIterable<AnswerEvent> {
    const run = iterateEvents<AnswerEvent, ReturnType<typeof answer>>((sink) =>
      answer(this.#engine, request, sink)
    );
    const cancel = () => run.control({ type: "cancel" });
    signal.addEventListener("abort", cancel, { once: true });
    if (signal.aborted) cancel();
    try {
      yield* run;
    } finally {
      signal.removeEventListener("abort", cancel);
    }
  }

  countTokens(input: Extract<Input, { type: "chat" }>): Promise<number> {
    return countTokens(this.#engine, input);
  }

  async describe(): Promise<ModelDescription> {
    const entry = this.#entry;
    const { info } = this.#engine;
    const modelfile = await modelfileOf(entry);
    return {
      info: [
        ["model", entry.name],
        ["architecture", entry.architecture],
        ["parameters", parameters(entry.parameters)],
        ["quantization", entry.quantization],
        ["size", bytes(entry.size)],
        ["context length", `${info.contextLength} of ${info.trainedContext} tokens`],
        ["embedding length", String(entry.embeddingLength ?? "unknown")],
        ["capabilities", capabilitiesOf(entry).join(", ")],
      ],
      template: modelfile.template ?? info.chatTemplate ?? "",
      parameters: modelfile.parameters,
      system: modelfile.system,
      license: modelfile.license ?? info.metadata["general.license"] ?? "",
      modelfile: modelfileText(entry.name, null, modelfile),
    };
  }
}
