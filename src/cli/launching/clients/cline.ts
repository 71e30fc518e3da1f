import { type Client, keyValue } from "../client.ts";

/** The provider's name in Cline. */
const PROVIDER = "openai-compatible";

/** Cline takes the path of its list of providers from a variable, and a missing key from another. */
export const cline: Client = {
  title: "Cline",
  executable: "cline",
  install: "npm install -g cline",
  promptTokens: { usual: 5_600, builtin: 10_700 },
  configure: (target, pathOf) => {
    const name = "cline-providers.json";
    const { url, model } = target;
    const settings = { provider: PROVIDER, model, baseUrl: `${url}/v1` };
    const providers = {
      version: 1,
      lastUsedProvider: PROVIDER,
      modes: {},
      providers: {
        [PROVIDER]: { settings, updatedAt: new Date(0).toISOString(), tokenSource: "manual" },
      },
    };
    return {
      variables: {
        CLINE_PROVIDER_SETTINGS_PATH: pathOf(name),
        OPENAI_API_KEY: keyValue(target),
        // Cline's background process would keep the variables of its first start.
        CLINE_SESSION_BACKEND_MODE: "local",
      },
      args: ["--provider", PROVIDER, "--model", model],
      files: [{ name, text: JSON.stringify(providers, null, 2) + "\n" }],
    };
  },
};
