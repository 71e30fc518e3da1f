import { answerTokens, type Client, KEY_VARIABLE, keyVariable, NO_KEY } from "../client.ts";

/** Continue's command line takes a configuration file as an argument. YAML includes JSON. */
export const continueCli: Client = {
  title: "Continue",
  executable: "cn",
  install: "npm install -g @continuedev/cli",
  promptTokens: { usual: 1_500, builtin: 2_700 },
  configure: (target, pathOf) => {
    const name = "continue.yaml";
    const { url, model, context, hasKey } = target;
    const config = {
      name: "Shimmy",
      version: "1.0.0",
      schema: "v1",
      models: [{
        name: model,
        provider: "openai",
        model,
        apiBase: `${url}/v1`,
        apiKey: hasKey ? `\${{ secrets.${KEY_VARIABLE} }}` : NO_KEY,
        roles: ["chat", "edit", "apply", "summarize"],
        capabilities: ["tool_use"],
        defaultCompletionOptions: {
          contextLength: context,
          maxTokens: answerTokens(target, 8_192),
        },
      }],
    };
    return {
      variables: keyVariable(target),
      args: ["--config", pathOf(name)],
      files: [{ name, text: JSON.stringify(config, null, 2) + "\n" }],
    };
  },
};
