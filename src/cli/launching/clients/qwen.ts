import { type Client, keyValue } from "../client.ts";

/**
 * Qwen Code takes the server from variables and the model from an argument. Only a settings file tells the
 * size of the context; the file of system defaults has the lowest precedence of its settings files.
 */
export const qwen: Client = {
  title: "Qwen Code",
  executable: "qwen",
  install: "npm install -g @qwen-code/qwen-code",
  promptTokens: { usual: 15_100, builtin: 34_400 },
  configure: (target, pathOf) => {
    const name = "qwen-defaults.json";
    const settings = { model: { generationConfig: { contextWindowSize: target.context } } };
    return {
      variables: {
        OPENAI_BASE_URL: `${target.url}/v1`,
        OPENAI_API_KEY: keyValue(target),
        OPENAI_MODEL: target.model,
        QWEN_CODE_SYSTEM_DEFAULTS_PATH: pathOf(name),
      },
      args: ["--auth-type", "openai", "--model", target.model],
      files: [{ name, text: JSON.stringify(settings, null, 2) + "\n" }],
    };
  },
};
