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

export const QWEN_CODE: Tested = {
  registry: "npm",
  name: "@qwen-code/qwen-code",
  version: "0.24.4",
  executable: "qwen",
  title: "Qwen Code",
  api: "OpenAI chat completions",
  job: "`qwen` reads a file that the model asks for, and prints the answer",
};

export const PI: Tested = {
  registry: "npm",
  name: "@earendil-works/pi-coding-agent",
  version: "1.6.0",
  executable: "pi",
  beside: ["node@22.23.3"],
  title: "pi",
  api: "OpenAI chat completions",
  job: "`pi -p` runs a command that the model calls, and prints the answer",
};

export const CLINE: Tested = {
  registry: "npm",
  name: "cline",
  version: "3.0.65",
  executable: "cline",
  title: "Cline",
  api: "OpenAI chat completions",
  job: "`cline` runs a command that the model calls, and prints the answer",
};

export const CONTINUE: Tested = {
  registry: "npm",
  name: "@continuedev/cli",
  version: "1.5.47",
  executable: "cn",
  title: "Continue",
  api: "OpenAI chat completions",
  job: "`cn -p` runs a command that the model calls, and prints the answer",
};

export const LANGCHAIN: Tested = {
  registry: "pypi",
  name: "langchain-openai",
  version: "1.7.4",
  executable: "python",
  title: "LangChain for Python",
  api: "OpenAI chat completions",
  job: "`ChatOpenAI` answers, streams, and calls a tool, on the built-in model",
};

export const LLAMA_INDEX: Tested = {
  registry: "pypi",
  name: "llama-index-llms-openai-like",
  version: "0.8.1",
  executable: "python",
  title: "LlamaIndex",
  api: "OpenAI chat completions",
  job: "`OpenAILike` answers and streams, on the built-in model",
};

export const LITELLM: Tested = {
  registry: "pypi",
  name: "litellm",
  version: "1.110.2",
  executable: "python",
  title: "litellm",
  api: "OpenAI chat completions, Anthropic messages, Ollama chat",
  job: "`completion` answers through the three APIs, on the built-in model",
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
  QWEN_CODE,
  AIDER,
  PI,
  CLINE,
  CONTINUE,
  LANGCHAIN,
  LLAMA_INDEX,
  LITELLM,
  LM_EVAL,
  GUIDELLM,
];
