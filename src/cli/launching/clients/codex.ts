import { type Client, KEY_VARIABLE, keyVariable } from "../client.ts";

/** Codex CLI takes settings as `-c KEY=VALUE` with a TOML value. They override `config.toml`. */
export const codex: Client = {
  title: "Codex CLI",
  executable: "codex",
  install: "npm install -g @openai/codex",
  promptTokens: { usual: 8_500, builtin: 18_800 },
  configure: (target) => {
    const provider = "model_providers.shimmy";
    const settings = {
      model_provider: "shimmy",
      model: target.model,
      model_context_window: target.context,
      [`${provider}.name`]: "Shimmy",
      [`${provider}.base_url`]: `${target.url}/v1`,
      [`${provider}.wire_api`]: "responses",
      ...(target.hasKey ? { [`${provider}.env_key`]: KEY_VARIABLE } : {}),
    };
    return {
      variables: keyVariable(target),
      // JSON's strings and numbers are TOML's.
      args: Object.entries(settings).flatMap(([key, value]) => [
        "-c",
        `${key}=${JSON.stringify(value)}`,
      ]),
      files: [],
    };
  },
};
