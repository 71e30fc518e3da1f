import type {
  Environment,
  InterruptSignal,
  Keyboard,
  ModelSessionChange,
  ModelSessionRequest,
} from "../../src/cli/environment/environment.ts";
import type { Discovery, ModelEntry } from "../../src/models/entry/entry.ts";
import { withAliases } from "../../src/models/registry/apply_config.ts";
import { KEEP_ALL } from "../../src/models/registry/load_policy.ts";
import { createPool } from "../../src/models/registry/registry.ts";
import { EngineDouble, type EngineDoubleOptions } from "./engine.ts";
import { entryDouble, PoolDouble } from "./pool.ts";

export interface EnvironmentDoubleOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** What is on stdin, by lines. */
  readonly lines?: readonly string[];
  readonly models?: readonly ModelEntry[];
  readonly discovery?: Partial<Discovery>;
  readonly engine?: EngineDoubleOptions;
  /** Whether stdin and stderr are terminals. */
  readonly terminal?: boolean;
  /** Where commands look for a running server; default: nowhere. */
  readonly defaultServer?: string;
  /** The keyboard of the terminal, for commands that read keys. */
  readonly keyboard?: Keyboard;
}

/** An environment in memory: records what a command prints and requests, and can interrupt it. */
export class EnvironmentDouble implements Environment {
  /** Text on stdout. */
  out = "";
  /** Lines on stderr: notes and alerts. */
  readonly notes: string[] = [];
  /** Visible progress lines. */
  readonly progress: string[] = [];
  readonly requests: ModelSessionRequest[] = [];
  /** All loaded models, in order. */
  readonly loaded: ModelEntry[] = [];
  readonly engine: EngineDouble;
  readonly #options: EnvironmentDoubleOptions;
  readonly #lines: string[];
  readonly #handlers = new Set<(signal: InterruptSignal) => void>();
  #isSilent = false;

  readonly keyboard: Keyboard | null;
  readonly defaultServer: string | null;

  constructor(options: EnvironmentDoubleOptions = {}) {
    this.#options = options;
    this.keyboard = options.keyboard ?? null;
    this.defaultServer = options.defaultServer ?? null;
    this.#lines = [...options.lines ?? []];
    this.engine = new EngineDouble(options.engine);
    this.output.showsProgress = this.input.isTerminal = options.terminal ?? false;
    this.output.isTerminal = options.keyboard !== undefined;
  }

  readonly output = {
    isTerminal: false,
    write: (text: string) => {
      this.out += text;
      return Promise.resolve();
    },
    print: (line: string) => this.output.write(`${line}\n`),
    note: (line: string) => {
      if (!this.#isSilent) this.notes.push(line);
    },
    alert: (line: string) => {
      this.notes.push(line);
    },
    silence: () => {
      this.#isSilent = true;
      this.output.showsProgress = false;
    },
    progress: (line: string | null) => {
      if (this.output.showsProgress && line !== null) this.progress.push(line);
    },
    showsProgress: false,
  };

  readonly input = {
    isTerminal: false,
    text: () => Promise.resolve(this.#lines.join("\n")),
    line: () => Promise.resolve(this.#lines.shift() ?? null),
    secret: (question: string) => {
      this.notes.push(question);
      return Promise.resolve(this.input.isTerminal ? this.#lines.shift() ?? null : null);
    },
  };

  readonly env = (name: string): string | undefined => this.#options.env?.[name];

  /** Interrupts the command, as Ctrl-C does. */
  interrupt(signal: InterruptSignal = "SIGINT"): void {
    for (const handler of [...this.#handlers]) handler(signal);
  }

  onInterrupt(handler: (signal: InterruptSignal) => void): Disposable {
    this.#handlers.add(handler);
    return { [Symbol.dispose]: () => this.#handlers.delete(handler) };
  }

  /** The number of interrupt handlers. */
  get listeners(): number {
    return this.#handlers.size;
  }

  readonly openModelSession = (request: ModelSessionRequest) => {
    this.requests.push(request);
    const models = this.#options.models ?? [entryDouble("m")];
    const discovery = { models, skipped: [], sources: [], ...this.#options.discovery };
    const registry = createPool({
      discover: () => Promise.resolve(discovery),
      load: (entry) => {
        this.loaded.push(entry);
        return Promise.resolve(this.engine);
      },
      plan: (entry) => new PoolDouble().plan(entry),
      loras: [],
      paths: request.paths,
      config: withAliases(request.config?.models, request.aliases ?? {}),
    });
    return Promise.resolve({
      registry,
      selectModel: () => registry.resolve(request.named),
      prepareLibrary: () => Promise.resolve(),
      configure: ({ config, aliases = {} }: ModelSessionChange) =>
        registry.configure(withAliases(config?.models, aliases), KEEP_ALL),
      [Symbol.asyncDispose]: () => registry[Symbol.asyncDispose](),
    });
  };
}
