import { answerTokens, type Client, keyValue } from "../client.ts";

/** Claude Code's own limit of an answer. */
const MOST_ANSWER_TOKENS = 32_000;

/** Claude Code reads variables only. They override its settings files. */
export const claude: Client = {
  title: "Claude Code",
  executable: "claude",
  install: "npm install -g @anthropic-ai/claude-code",
  promptTokens: { usual: 10_200, builtin: 21_500 },
  configure: (target) => ({
    variables: {
      ANTHROPIC_BASE_URL: target.url,
      ANTHROPIC_AUTH_TOKEN: keyValue(target),
      // Claude Code asks which key to use where both variables are set.
      ANTHROPIC_API_KEY: "",
      ANTHROPIC_MODEL: target.model,
      // The names that its commands and agents use for models.
      ANTHROPIC_DEFAULT_OPUS_MODEL: target.model,
      ANTHROPIC_DEFAULT_SONNET_MODEL: target.model,
      ANTHROPIC_DEFAULT_HAIKU_MODEL: target.model,
      CLAUDE_CODE_SUBAGENT_MODEL: target.model,
      CLAUDE_CODE_MAX_CONTEXT_TOKENS: String(target.context),
      CLAUDE_CODE_MAX_OUTPUT_TOKENS: String(answerTokens(target, MOST_ANSWER_TOKENS)),
      // Deferred tools stay out of the prompt. Claude Code searches them itself.
      ENABLE_TOOL_SEARCH: "true",
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
    },
    args: [],
    files: [],
  }),
};
