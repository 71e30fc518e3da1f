/** The programs of these tests, and what each test does with them. */
import type { Pinned } from "./registry.ts";

export interface Tested extends Pinned {
  /** Name for people. */
  readonly title: string;
  /** The API that the program uses. */
  readonly api: string;
  /** What the program does in its test. */
  readonly job: string;
}

export const CODEX: Tested = {
  registry: "npm",
  name: "@openai/codex",
  version: "0.171.0",
  executable: "codex",
  title: "Codex CLI",
  api: "OpenAI responses",
  job: "`codex exec` runs a command that the model calls, and prints the answer",
};

export const CLAUDE_CODE: Tested = {
  registry: "npm",
  name: "@anthropic-ai/claude-code",
  version: "2.1.332",
  executable: "claude",
  title: "Claude Code",
  api: "Anthropic messages",
  job: "`claude -p` with tool search loads a deferred tool, calls it, and prints the answer",
};

export const OPENCODE: Tested = {
  registry: "npm",
  name: "opencode-ai",
  version: "1.18.33",
  executable: "opencode",
  title: "opencode",
  api: "OpenAI chat completions",
  job: "`opencode run` runs a command that the model calls, and prints the answer",
};

export const AIDER: Tested = {
  registry: "pypi",
  name: "aider-chat",
  version: "0.86.2",
  executable: "aider",
  title: "aider",
  api: "OpenAI chat completions",
  job: "aider writes the file that the model edits",
};

export const LM_EVAL: Tested = {
  registry: "pypi",
  name: "lm-eval",
  version: "0.4.13",
  extras: "api",
  executable: "lm_eval",
  title: "lm-evaluation-harness",
  api: "OpenAI completions with `echo` and `logprobs`",
  job: "a multiple-choice task and a perplexity task of local data, on the built-in model",
};

export const GUIDELLM: Tested = {
  registry: "pypi",
  name: "guidellm",
  version: "0.8.1",
  executable: "guidellm",
  title: "guidellm",
  api: "OpenAI chat completions",
  job: "a benchmark of synchronous requests, on the built-in model",
};

/** All programs, in the order of the documentation. */
export const PROGRAMS: readonly Tested[] = [
  CODEX,
  CLAUDE_CODE,
  OPENCODE,
  AIDER,
  LM_EVAL,
  GUIDELLM,
];
