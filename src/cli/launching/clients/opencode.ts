import { answerTokens, type Client, KEY_VARIABLE, keyVariable, NO_KEY } from "../client.ts";

/** opencode merges the JSON of a variable over its settings files. */
export const opencode: Client = {
  title: "opencode",
  executable: "opencode",
  install: "npm install -g opencode-ai",
  promptTokens: { usual: 7_700, builtin: 16_400 },
  configure: (target) => {
    const { url, model, context, hasKey } = target;
    const settings = {
      model: `shimmy/${model}`,
      small_model: `shimmy/${model}`,
      provider: {
        shimmy: {
          npm: "@ai-sdk/openai-compatible",
          name: "Shimmy",
          options: { baseURL: `${url}/v1`, apiKey: hasKey ? `{env:${KEY_VARIABLE}}` : NO_KEY },
          models: {
            [model]: {
              name: model,
              limit: { context, output: answerTokens(target, 32_000) },
            },
          },
        },
      },
    };
    return {
      variables: { OPENCODE_CONFIG_CONTENT: JSON.stringify(settings), ...keyVariable(target) },
      args: [],
      files: [],
    };
  },
};
