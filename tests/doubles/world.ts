import type {
  SessionChange,
  SessionRequest,
  World,
} from "../../src/cli/environment/environment.ts";
import type { Discovery, ModelEntry } from "../../src/models/entry/entry.ts";
import { KEEP_ALL } from "../../src/models/registry/loader.ts";
import { createPool } from "../../src/models/registry/registry.ts";
import { EngineDouble, type EngineDoubleOptions } from "./engine.ts";
import { entryDouble, PoolDouble } from "./pool.ts";

export interface WorldDoubleOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** What is on stdin, by lines. */
  readonly lines?: readonly string[];
  readonly models?: readonly ModelEntry[];
  readonly discovery?: Partial<Discovery>;
  readonly engine?: EngineDoubleOptions;
  /** Whether questions can be asked and progress is seen. */
  readonly terminal?: boolean;
}

/** A world in memory: what a command printed, what it asked for, and a way to ask it to stop. */
export class WorldDouble implements World {
  /** What went to stdout. */
  out = "";
  /** Lines that went to stderr. */
  readonly notes: string[] = [];
  /** Progress lines, where they are seen. */
  readonly progress: string[] = [];
  readonly requests: SessionRequest[] = [];
  /** Every model that was loaded, in order. */
  readonly loaded: ModelEntry[] = [];
  readonly engine: EngineDouble;
  readonly #options: WorldDoubleOptions;
  readonly #lines: string[];
  readonly #stops = new Set<() => void>();

  constructor(options: WorldDoubleOptions = {}) {
    this.#options = options;
    this.#lines = [...options.lines ?? []];
    this.engine = new EngineDouble(options.engine);
    this.output.showsProgress = this.input.isTerminal = options.terminal ?? false;
  }

  readonly output = {
    isTerminal: false,
    write: (text: string) => {
      this.out += text;
      return Promise.resolve();
    },
    print: (line: string) => this.output.write(`${line}\n`),
    note: (line: string) => {
      this.notes.push(line);
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
  };

  readonly env = (name: string): string | undefined => this.#options.env?.[name];

  /** Asks whatever runs to stop, as Ctrl-C does. */
  stop(): void {
    for (const handler of [...this.#stops]) handler();
  }

  onStop(handler: () => void): Disposable {
    this.#stops.add(handler);
    return { [Symbol.dispose]: () => this.#stops.delete(handler) };
  }

  /** How many listen for requests to stop. */
  get listeners(): number {
    return this.#stops.size;
  }

  readonly openSession = (request: SessionRequest) => {
    this.requests.push(request);
    const models = this.#options.models ?? [entryDouble("m")];
    const discovery = { models, skipped: [], sources: [], ...this.#options.discovery };
    const pool = createPool({
      discover: () => Promise.resolve(discovery),
      load: (entry) => {
        this.loaded.push(entry);
        return Promise.resolve(this.engine);
      },
      plan: (entry) => new PoolDouble().plan(entry),
      loras: [],
      paths: request.paths,
      config: request.config?.models,
    });
    return Promise.resolve({
      pool,
      choose: () => pool.resolve(request.named),
      library: () => Promise.resolve(),
      configure: ({ config }: SessionChange) => pool.configure(config?.models, KEEP_ALL),
      [Symbol.asyncDispose]: () => pool[Symbol.asyncDispose](),
    });
  };
}
