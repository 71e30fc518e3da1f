import type { KeepAlive, ModelEntry } from "../../models/entry/mod.ts";
import type { Registry } from "../../models/registry/mod.ts";
import type { Config } from "../config/mod.ts";
import type { GlobalValues } from "../options/mod.ts";

/** The reader of stdout has closed it, as `head` does. This is not a failure. */
export class OutputClosed extends Error {}

/** Output streams of a command. `process_environment.ts` has the real ones; tests have their own. */
export interface Output {
  /**
   * Writes text to stdout unchanged. Resolves when it is written, so that a slow reader applies back
   * pressure.
   * @throws {OutputClosed}
   */
  write(text: string): Promise<void>;
  /** Writes a line to stdout. */
  print(line: string): Promise<void>;
  /** Writes a line to stderr, unless `--quiet` is given. */
  note(line: string): void;
  /** Writes a line to stderr in any case: an error, a warning, a question, an answer to `/help`. */
  alert(line: string): void;
  /** Shows a line on a terminal's stderr until the next line replaces it; `null` removes it. */
  progress(line: string | null): void;
  /** Whether stdout is a terminal. */
  readonly isTerminal: boolean;
  /** Whether progress lines are visible: stderr is a terminal, and `--quiet` is not given. */
  readonly showsProgress: boolean;
  /** Leaves out notes and progress from now on. */
  silence(): void;
}

/** Standard input of a command. */
export interface Input {
  readonly isTerminal: boolean;
  /** All of stdin. */
  text(): Promise<string>;
  /** The next line, or `null` at the end. */
  line(): Promise<string | null>;
  /** Asks for a text at the terminal without showing it; `null` when stdin is no terminal. */
  secret(question: string): Promise<string | null>;
}

/** The keys of a terminal and its size. */
export interface Keyboard {
  /** The next bytes from the terminal; `null` at the end. */
  read(): Promise<Uint8Array | null>;
  /** Whether keys arrive one by one, without echo and without signals, or line by line. */
  setRaw(isRaw: boolean): void;
  /** Columns of the terminal. */
  readonly columns: number;
  /** Calls `handler` when the size of the terminal changes, until disposed. */
  onResize(handler: () => void): Disposable;
}

/** How long idle models stay loaded, and how many models are loaded at most. */
export interface ResidencyLimits {
  readonly keepAlive: KeepAlive;
  /** `null`: as many as fit into memory. */
  readonly maxModels: number | null;
}

/** The parts of a session's request that can change while the session is open. */
export type ModelSessionChange = Pick<
  ModelSessionRequest,
  "globals" | "parallel" | "stepTimeout" | "config" | "aliases" | "residency"
>;

/** Options of a model session. */
export interface ModelSessionRequest {
  readonly globals: GlobalValues;
  /** The default model's file. It overrides `SHIMMY_BASE_GGUF`. */
  readonly base?: string | undefined;
  /** The default model's name among the discovered models. It overrides `base`. */
  readonly preferred?: string | undefined;
  /** The requested model's name. `--lora` then applies to this model and not to the default model. */
  readonly named?: string | undefined;
  /** Sequences that run in parallel. */
  readonly parallel: number;
  /**
   * Whether they share the memory of one context, so that more sequences take no more memory. An explicit
   * `--kv-unified` wins.
   */
  readonly sharesOneContext?: boolean;
  /** Whether a path may select any file, or only a discovered one. */
  readonly paths: "any" | "found";
  /** The configuration file, if there is one. */
  readonly config?: Config | null;
  /** Aliases in addition to the configuration file: lower-case alias to model name. */
  readonly aliases?: Readonly<Record<string, string>>;
  /** When models are unloaded. Without it, models are unloaded only on request. */
  readonly residency?: ResidencyLimits;
  /** Run each model in its own process, so that a crash ends only that model. */
  readonly isolate?: boolean;
  /** Seconds that a model's process may take for a batch; see `LoadOptions`. */
  readonly stepTimeout?: number | null;
  /** Receives messages about models and libraries. @default {Output.note} */
  readonly notify?: (line: string) => void;
}

/** The model registry with everything that loading a model needs. */
export interface ModelSession extends AsyncDisposable {
  readonly registry: Registry;
  /** The requested model, or the default model, with the adapters that apply to it. */
  selectModel(): Promise<ModelEntry>;
  /** Applies other settings to later requests. Running requests keep theirs. */
  configure(change: ModelSessionChange): Promise<void>;
  /** Finds libllama, downloads it if it is missing, and reports the compute backend. */
  prepareLibrary(): Promise<void>;
}

/** SIGINT is Ctrl-C; a service manager sends SIGTERM. */
export type InterruptSignal = "SIGINT" | "SIGTERM";

/** Everything outside of a command that the command uses. */
export interface Environment {
  readonly output: Output;
  readonly input: Input;
  /** Where commands look for a running server if none is named; `null`: nowhere. */
  readonly defaultServer: string | null;
  /** The terminal of stdin and stdout, if both are one and it can move its cursor. */
  readonly keyboard: Keyboard | null;
  /** Reads an environment variable. */
  readonly env: (name: string) => string | undefined;
  /** Calls `handler` for SIGINT, and for SIGTERM where it exists, until disposed. */
  onInterrupt(handler: (signal: InterruptSignal) => void): Disposable;
  openModelSession(request: ModelSessionRequest): Promise<ModelSession>;
}
