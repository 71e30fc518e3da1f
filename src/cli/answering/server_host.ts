import type { MediaInput } from "../../engine/protocol/mod.ts";
import { delay } from "@std/async/delay";
import type { AnswerEvent, AnswerRequest, Input } from "../../chat/mod.ts";
import { ShimmyError } from "../../errors.ts";
import type { ServerClient } from "../client/mod.ts";
import type { Environment } from "../environment/mod.ts";
import type { ModelDescription, ModelHost, OpenModel } from "./model_host.ts";
import { ServerEvents, toError, type WireError } from "./server_events.ts";
import { toConversation, toServerRequest } from "./server_request.ts";

/** Milliseconds between two reads of the progress of a load. */
const POLL_MS = 250;

/** Models of a running server. */
export class ServerHost implements ModelHost {
  readonly server: string;
  readonly isOpen = true;
  readonly #client: ServerClient;
  readonly #environment: Environment;

  constructor(client: ServerClient, environment: Environment) {
    this.server = client.address;
    this.#client = client;
    this.#environment = environment;
  }

  async list(): Promise<readonly string[]> {
    return (await this.#client.list()).map(({ name }) => name);
  }

  async open(name: string | undefined, signal: AbortSignal): Promise<OpenModel> {
    const loaded = new AbortController();
    const progress = name === undefined ? null : this.#showProgress(name, loaded.signal);
    try {
      const props = await this.#client.properties(name, signal);
      return new ServerModel(this.#client, {
        name: props.model_alias,
        contextLength: props.default_generation_settings.n_ctx,
        hasTemplate: props.chat_template !== "",
        modalities: props.modalities ?? {},
      });
    } finally {
      loaded.abort();
      await progress;
      this.#environment.output.progress(null);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }

  /** Shows how much of a model the server has read, until it is loaded. */
  async #showProgress(name: string, loaded: AbortSignal): Promise<void> {
    const { output } = this.#environment;
    while (!loaded.aborted && output.showsProgress) {
      const status = await this.#client.status(name).catch(() => null);
      if (!loaded.aborted && status?.state === "loading") {
        output.progress(`Loading ${name} ${Math.floor(status.progress * 100)} %`);
      }
      await delay(POLL_MS, { signal: loaded }).catch(() => {});
    }
  }
}

interface Facts extends Pick<OpenModel, "name" | "contextLength" | "hasTemplate"> {
  /** What the model reads. Another server may not tell. */
  readonly modalities: { readonly vision?: boolean; readonly audio?: boolean };
}

class ServerModel implements OpenModel {
  readonly name: string;
  readonly contextLength: number;
  readonly hasTemplate: boolean;
  /** The server applies its own settings. */
  readonly maxTokens = null;
  readonly shiftsContext = false;
  readonly #client: ServerClient;
  readonly #modalities: Facts["modalities"];

  constructor(client: ServerClient, { name, contextLength, hasTemplate, modalities }: Facts) {
    this.#client = client;
    this.name = name;
    this.contextLength = contextLength;
    this.hasTemplate = hasTemplate;
    this.#modalities = modalities;
  }

  refusalOf(type: MediaInput["type"]): string | null {
    const { vision, audio } = this.#modalities;
    if (type === "image") return vision === false ? "the model reads no images" : null;
    return audio === false ? "the model reads no audio" : null;
  }

  async *answer(request: AnswerRequest, signal: AbortSignal): AsyncIterable<AnswerEvent> {
    const { path, body } = toServerRequest(this.name, request);
    const events = new ServerEvents();
    try {
      for await (const data of this.#client.stream(path, body, signal, toServerError)) {
        yield* events.events(data);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
    if (!signal.aborted && !events.isComplete) {
      throw new ShimmyError("backend", "The server closed the connection before the answer's end");
    }
    yield events.done(signal.aborted);
  }

  async countTokens(input: Extract<Input, { type: "chat" }>): Promise<number> {
    const path = "/v1/chat/completions/input_tokens";
    const body = { model: this.name, ...toConversation(input) };
    const { input_tokens } = await this.#client.post(path, body, toServerError) as {
      input_tokens: number;
    };
    return input_tokens;
  }

  async describe(): Promise<ModelDescription> {
    const shown = await this.#client.post("/api/show", { model: this.name }) as Shown;
    const { details = {} } = shown;
    return {
      info: [
        ["model", this.name],
        ["architecture", details.family ?? "unknown"],
        ["parameters", details.parameter_size ?? "unknown"],
        ["quantization", details.quantization_level ?? "unknown"],
        ["context length", `${this.contextLength} of ${details.context_length ?? "?"} tokens`],
        ["embedding length", String(details.embedding_length ?? "unknown")],
        ["capabilities", (shown.capabilities ?? []).join(", ")],
      ],
      template: shown.template ?? "",
      parameters: shown.parameters ?? "",
      system: shown.system ?? "",
      license: shown.license ?? "",
      modelfile: shown.modelfile ?? "",
    };
  }
}

/** The answer of `/api/show`, as far as it is shown. */
interface Shown {
  readonly template?: string;
  readonly parameters?: string;
  readonly system?: string;
  readonly license?: string;
  readonly modelfile?: string;
  readonly capabilities?: readonly string[];
  readonly details?: {
    readonly family?: string;
    readonly parameter_size?: string;
    readonly quantization_level?: string;
    readonly context_length?: number;
    readonly embedding_length?: number;
  };
}

/** An error of the OpenAI dialect; null for a body of another form. */
function toServerError(body: unknown): ShimmyError | null {
  const error = (body as { error?: unknown } | null)?.error;
  return typeof error === "object" && error !== null ? toError(error as WireError) : null;
}
