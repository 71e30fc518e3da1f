export type Role = "user" | "assistant" | "tool";

/** A text file that a user attached to a message. */
export interface TextFile {
  readonly name: string;
  readonly text: string;
}

/** An image or a sound that a user attached to a message. */
export interface MediaFile {
  readonly name: string;
  /** A data URL; absent where this browser no longer keeps the file. */
  readonly url?: string;
}

/** A call that the model asks for. */
export interface ToolCall {
  readonly id: string;
  readonly name: string;
  /** JSON. */
  readonly arguments: string;
}

/** Why an answer ended; `lost`: the server no longer had it after a reload. */
export type Ending = "stop" | "length" | "cancelled" | "failed" | "lost";

/** Counts and speed of an answer. */
export interface Usage {
  readonly promptTokens: number;
  readonly cachedTokens: number;
  readonly completionTokens: number;
  readonly firstTokenMs: number;
  readonly tokensPerSecond: number;
}

/** A message: a node of the tree. */
export interface Message {
  readonly id: string;
  /** The message before it; null: it begins the conversation. */
  readonly parent: string | null;
  readonly role: Role;
  readonly content: string;
  /** Milliseconds since the epoch. */
  readonly created: number;
  readonly files?: readonly TextFile[];
  /** Images and sounds. */
  readonly media?: readonly MediaFile[];
  readonly reasoning?: string;
  readonly toolCalls?: readonly ToolCall[];
  /** Of a tool's result: the call that it belongs to. */
  readonly toolCallId?: string;
  /** Of an answer: the model. */
  readonly model?: string;
  /** Of an answer: absent while it runs. */
  readonly ending?: Ending;
  readonly error?: string;
  /** Of an answer: its id on the server, and the id of the answer whose stream has it. */
  readonly answer?: { readonly id: string; readonly stream: string };
  /** Of an answer that continues another text: the first part, which the server did not generate. */
  readonly prefix?: string;
  readonly usage?: Usage;
}

/** Sampling fields of the native API that the page sets; absent: the model's default. */
export interface Sampling {
  readonly temperature?: number;
  readonly top_p?: number;
  readonly top_k?: number;
  readonly min_p?: number;
  readonly repeat_penalty?: number;
  readonly max_tokens?: number;
  readonly seed?: number;
}

/** What the list of conversations needs. */
export interface Summary {
  readonly id: string;
  readonly title: string;
  readonly created: number;
  readonly changed: number;
}

/** A conversation. */
export interface Conversation extends Summary {
  /** The user named it: the first message does not. */
  readonly isNamed: boolean;
  readonly system: string;
  /** The tools that the model may call, as a JSON list in OpenAI's form; empty: none. */
  readonly tools: string;
  /** The model of the next answer; null: the default model. */
  readonly model: string | null;
  readonly sampling: Sampling;
  /** The chosen child of a message, by its id; of the beginning, by the empty text. */
  readonly chosen: Readonly<Record<string, string>>;
  /** All messages in the order of their creation. */
  readonly messages: ReadonlyMap<string, Message>;
}
