import { answerTokens, type Client, KEY_VARIABLE, keyVariable, NO_KEY } from "../client.ts";

/** pi takes a provider from an extension that an argument names, beside those of the user's settings. */
export const pi: Client = {
  title: "pi",
  executable: "pi",
  install: "npm install -g @earendil-works/pi-coding-agent",
  promptTokens: { usual: 1_500, builtin: 2_900 },
  configure: (target, pathOf) => {
    const name = "pi-provider.js";
    const { url, model, context, hasKey } = target;
    const provider = {
      name: "Shimmy",
      baseUrl: `${url}/v1`,
      apiKey: hasKey ? `$${KEY_VARIABLE}` : NO_KEY,
      api: "openai-completions",
      models: [{
        id: model,
        name: model,
        reasoning: false,
        input: ["text"],
        cost: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 },
        contextWindow: context,
        maxTokens: answerTokens(target, 16_384),
      }],
    };
    const text = `/** The provider of Shimmy's models. */
export default function (pi) {
  pi.registerProvider("shimmy", ${JSON.stringify(provider)});
}
`;
    return {
      variables: keyVariable(target),
      args: ["--extension", pathOf(name), "--provider", "shimmy", "--model", model],
      files: [{ name, text }],
    };
  },
};
