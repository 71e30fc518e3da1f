import { answerTokens, type Client, keyValue } from "../client.ts";

/** aider reads variables; a file of model metadata tells the size of the context. */
export const aider: Client = {
  title: "aider",
  executable: "aider",
  install: "pip install aider-chat",
  promptTokens: { usual: 750, builtin: 1_600 },
  configure: (target, pathOf) => {
    const name = "aider-models.json";
    const model = `openai/${target.model}`;
    const metadata = {
      [model]: {
        max_tokens: answerTokens(target, 8_192),
        max_input_tokens: target.context,
        max_output_tokens: answerTokens(target, 8_192),
        input_cost_per_token: 0,
        output_cost_per_token: 0,
        litellm_provider: "openai",
        mode: "chat",
      },
    };
    return {
      variables: {
        OPENAI_API_BASE: `${target.url}/v1`,
        OPENAI_API_KEY: keyValue(target),
        AIDER_MODEL: model,
        AIDER_MODEL_METADATA_FILE: pathOf(name),
      },
      args: [],
      files: [{ name, text: JSON.stringify(metadata, null, 2) + "\n" }],
    };
  },
};
