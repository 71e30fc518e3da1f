/** Why a conversation is rendered differently from llama.cpp. */
const REASONS = {
  untold: "llama.cpp leaves out tools that the template does not describe; Shimmy describes them",
  lost:
    "llama.cpp leaves out calls and tools that the template has no place for; Shimmy writes them",
  unwritten: "llama.cpp leaves out calls that the template does not write; Shimmy writes them",
  refused: "llama.cpp refuses results of tools here; Shimmy writes them as text",
  functions: "llama.cpp leaves the template's own variable for the tools empty; Shimmy fills it",
} as const;

const { untold, lost, unwritten, refused, functions } = REASONS;

/**
 * Differences between Shimmy's and llama.cpp's rendering, by template and conversation, with the
 * reason. All other renderings are equal, character by character.
 */
export const EXPECTED_DIFFERENCES: Readonly<
  Record<string, Readonly<Record<string, string>>>
> = {
  "HuggingFaceTB-SmolLM3-3B.jinja": { tools: untold, "tool results": lost },
  "LFM2-8B-A1B.jinja": { "tool results": unwritten },
  "LFM2.5-Instruct.jinja": { "tool results": unwritten },
  "deepseek-ai-DeepSeek-R1-Distill-Llama-8B.jinja": { tools: untold, "tool results": lost },
  "deepseek-ai-DeepSeek-R1-Distill-Qwen-32B.jinja": { tools: untold, "tool results": untold },
  "deepseek-ai-DeepSeek-V3.1.jinja": { tools: untold, "tool results": untold },
  "fireworks-ai-llama-3-firefunction-v2.jinja": { tools: functions, "tool results": functions },
  "google-gemma-2-2b-it.jinja": { tools: untold, "tool results": refused },
  "ibm-granite-granite-3.3-2B-Instruct.jinja": { "tool results": unwritten },
  "llama-cpp-rwkv-world.jinja": { tools: untold, "tool results": lost },
  "microsoft-Phi-3.5-mini-instruct.jinja": { tools: untold, "tool results": lost },
};
