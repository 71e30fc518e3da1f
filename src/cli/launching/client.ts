/** Definition of a client program that `launch` starts, and of the settings that the client needs. */

/** The server and the model that a client will use. */
export interface Target {
  /** `http://HOST:PORT`, without a slash at its end. */
  readonly url: string;
  readonly model: string;
  /** Context length of a sequence in tokens. */
  readonly context: number;
  /** Whether the server requires an API key. */
  readonly hasKey: boolean;
}

/** The value of a variable that holds the API key. It is kept apart so that `--print` can leave it out. */
export const API_KEY: unique symbol = Symbol("API key");

/** A settings file that only the launched client reads. */
export interface SettingsFile {
  /** The file's name, without a folder. */
  readonly name: string;
  readonly text: string;
}

/** Everything that a client needs to use the target. */
export interface Setup {
  readonly variables: Readonly<Record<string, string | typeof API_KEY>>;
  /** Arguments before those of the user. */
  readonly args: readonly string[];
  readonly files: readonly SettingsFile[];
}

/** Tokens of a prompt, measured with two vocabularies. */
export interface PromptTokens {
  /** With SmolLM2's vocabulary of 49,152 tokens. Larger ones need slightly fewer. */
  readonly usual: number;
  /** With the small vocabulary of the built-in model. */
  readonly builtin: number;
}

/** A client program. */
export interface Client {
  /** Name for people. */
  readonly title: string;
  /** Name of the executable, without an extension. */
  readonly executable: string;
  /** The command that installs the client. */
  readonly install: string;
  /** Size of the client's first prompt in an empty repository. */
  readonly promptTokens: PromptTokens;
  /**
   * The settings for a target.
   * @param pathOf the path that a settings file of this name will have.
   */
  readonly configure: (target: Target, pathOf: (name: string) => string) => Setup;
}

/** Variable that a settings file refers to for the API key. */
export const KEY_VARIABLE = "SHIMMY_API_KEY";

/** The key of a server without one: clients refuse to start with an empty key. */
export const NO_KEY = "none";

/** The key as the value of a variable. */
export function keyValue({ hasKey }: Target): string | typeof API_KEY {
  return hasKey ? API_KEY : NO_KEY;
}

/** {@linkcode KEY_VARIABLE} for settings files that refer to it; nothing for a server without a key. */
export function keyVariable({ hasKey }: Target): Setup["variables"] {
  return hasKey ? { [KEY_VARIABLE]: API_KEY } : {};
}

/**
 * Tokens that an answer may have at most: a quarter of the context, because a client subtracts them from
 * the context before it counts its prompt.
 *
 * @param most the client's own default.
 */
export function answerTokens({ context }: Target, most: number): number {
  return Math.max(1, Math.min(most, Math.floor(context / 4)));
}
