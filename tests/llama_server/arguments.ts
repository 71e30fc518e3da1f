/** The arguments of `llama-server` that the suite uses. */
import { parseArgs } from "node:util";

const text = { type: "string" } as const;
const flag = { type: "boolean" } as const;

const OPTIONS = {
  "port": text,
  "host": text,
  "temp": text,
  "seed": text,
  "model": text,
  "model-url": text,
  "model-draft": text,
  "hf-repo": text,
  "hf-file": text,
  "alias": text,
  "tags": text,
  "ctx-size": text,
  "parallel": text,
  "batch-size": text,
  "ubatch-size": text,
  "threads": text,
  "n-gpu-layers": text,
  "n-predict": text,
  "cache-type-k": text,
  "cache-type-v": text,
  "flash-attn": text,
  "slot-save-path": text,
  "lora": { type: "string", multiple: true },
  "pooling": text,
  "api-key": text,
  "cors-origins": text,
  "chat-template": text,
  "chat-template-file": text,
  "reasoning": text,
  "reasoning-format": text,
  "kv-unified": flag,
  "swa-full": flag,
  "context-shift": flag,
  "offline": flag,
  "embedding": flag,
  "reranking": flag,
  "jinja": flag,
  "no-jinja": flag,
  "cont-batching": flag,
} as const;

/** Short forms that the suite uses. */
const SHORT: Readonly<Record<string, string>> = {
  "-ctk": "--cache-type-k",
  "-ctv": "--cache-type-v",
  "-fa": "--flash-attn",
};

export type ServerArguments = ReturnType<typeof parseServerArguments>["values"];

/** The arguments, and those that have no counterpart in Shimmy. */
export function parseServerArguments(args: readonly string[]) {
  const long = args.map((one) => SHORT[one] ?? one);
  const { values, tokens } = parseArgs({
    args: long,
    options: OPTIONS,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const known = new Set<string>(Object.keys(OPTIONS));
  const ignored = tokens.flatMap((token) =>
    token.kind === "option" && !known.has(token.name) ? [token.rawName] : []
  );
  return { values: values as Values, ignored };
}

type Values = {
  readonly [Name in keyof typeof OPTIONS]?: (typeof OPTIONS)[Name] extends { multiple: true }
    ? string[]
    : (typeof OPTIONS)[Name]["type"] extends "boolean" ? boolean
    : string;
};
