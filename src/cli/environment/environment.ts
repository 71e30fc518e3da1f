import type { KeepAlive, ModelEntry } from "../../models/entry/mod.ts";
import type { Registry } from "../../models/registry/mod.ts";
import type { Config } from "../config/mod.ts";
import type { GlobalValues } from "../options/mod.ts";

/** Whoever read stdout has gone, as `head` does: there is nothing left to say and nothing wrong. */
export class OutputClosed extends Error {}

/** Where a command's words go. Only `process.ts` knows the real streams; tests give their own. */
export interface Output {
  /**
   * Text for stdout as it is; resolves when it was taken, so that a slow reader slows us down.
   * @throws {OutputClosed}
   */
  write(text: string): Promise<void>;
  /** A line for stdout. */
  print(line: string): Promise<void>;
  /** A line for stderr. */
  note(line: string): void;
  /** A line on a terminal's stderr that the next one replaces; `null` takes it away. */
  progress(line: string | null): void;
  /** Whether stdout is a terminal. */
  readonly isTerminal: boolean;
  /** Whether anybody sees progress lines: stderr is a terminal. */
  readonly showsProgress: boolean;
}

/** Where a command's questions are answered from. */
export interface Input {
  readonly isTerminal: boolean;
  /** Everything on stdin. */
  text(): Promise<string>;
  /** The next line, or `null` at the end. */
  line(): Promise<string | null>;
}

/** How long models stay loaded, and how many of them. */
export interface Residence {
  readonly keepAlive: KeepAlive;
  /** `null`: as many as memory has room for. */
  readonly maxModels: number | null;
}

/** What of a session's request may change while it is open. */
export type SessionChange = Pick<
  SessionRequest,
  "globals" | "parallel" | "config" | "residence"
>;

/** What a command that needs models says about itself. */
export interface SessionRequest {
  readonly globals: GlobalValues;
  /** The default model's file, over `SHIMMY_BASE_GGUF`. */
  readonly base?: string | undefined;
  /** The default model's name among those that are found, over its file. */
  readonly preferred?: string | undefined;
  /** The model asked for by name; `--lora` is then meant for it and not for the default. */
  readonly named?: string | undefined;
  /** Sequences that may run at once. */
  readonly parallel: number;
  /** Whether a path may name any file; see `PoolOptions`. */
  readonly paths: "any" | "found";
  /** The configuration file, where there is one. */
  readonly config?: Config | null;
  /** When models are unloaded; without it, never unasked. */
  readonly residence?: Residence;
  /** Run each model in a process of its own, so that what kills it ends nothing else. */
  readonly isolate?: boolean;
  /** Takes what is worth knowing about models and libraries; stderr unless given. */
  readonly say?: (line: string) => void;
}

/** The models and everything that loading them takes. */
export interface Session extends AsyncDisposable {
  readonly pool: Registry;
  /** The model that was asked for, or the default, with the adapters that are meant for it. */
  choose(): Promise<ModelEntry>;
  /** From now on other settings hold; answers that run end as they began. */
  configure(change: SessionChange): Promise<void>;
  /** Finds libllama, fetching it when it is not here yet, and tells which one it is and why. */
  library(): Promise<void>;
}

/** What surrounds a command. */
export interface World {
  readonly output: Output;
  readonly input: Input;
  readonly env: (name: string) => string | undefined;
  /** Calls `handler` for every request to stop (SIGINT, and SIGTERM where there is one) until disposed. */
  onStop(handler: () => void): Disposable;
  openSession(request: SessionRequest): Promise<Session>;
}
