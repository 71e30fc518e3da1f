import { assertEquals, assertStringIncludes } from "@std/assert";
import { API_KEY, type Setup, type Target } from "../client.ts";
import { CLIENTS } from "./table.ts";

const TARGET: Target = {
  url: "http://127.0.0.1:1234",
  model: "qwen3:4b",
  context: 65_536,
  hasKey: false,
};

const pathOf = (name: string) => `/settings/${name}`;

function setupOf(name: keyof typeof CLIENTS, change: Partial<Target> = {}): Setup {
  return CLIENTS[name].configure({ ...TARGET, ...change }, pathOf);
}

/** The JSON of a client's only settings file. */
function settingsOf({ files }: Setup) {
  assertEquals(files.length, 1);
  return JSON.parse(files[0]!.text);
}

Deno.test("Claude Code gets the address without /v1, and the model under each of its names", () => {
  const { variables, args, files } = setupOf("claude");
  assertEquals([args, files], [[], []]);
  assertEquals(variables.ANTHROPIC_BASE_URL, "http://127.0.0.1:1234");
  assertEquals([variables.ANTHROPIC_AUTH_TOKEN, variables.ANTHROPIC_API_KEY], ["none", ""]);
  for (const role of ["", "DEFAULT_OPUS_", "DEFAULT_SONNET_", "DEFAULT_HAIKU_"]) {
    assertEquals(variables[`ANTHROPIC_${role}MODEL`], "qwen3:4b");
  }
  assertEquals(variables.CLAUDE_CODE_SUBAGENT_MODEL, "qwen3:4b");
  assertEquals(variables.CLAUDE_CODE_MAX_CONTEXT_TOKENS, "65536");
  assertEquals(variables.CLAUDE_CODE_MAX_OUTPUT_TOKENS, "16384");
  assertEquals(setupOf("claude", { hasKey: true }).variables.ANTHROPIC_AUTH_TOKEN, API_KEY);
});

Deno.test("Codex gets its settings as TOML values of -c", () => {
  const { variables, args } = setupOf("codex");
  assertEquals(variables, {});
  assertEquals(args.filter((_, index) => index % 2 === 0), args.map(() => "-c").slice(0, 6));
  assertEquals(args.filter((_, index) => index % 2 === 1), [
    'model_provider="shimmy"',
    'model="qwen3:4b"',
    "model_context_window=65536",
    'model_providers.shimmy.name="Shimmy"',
    'model_providers.shimmy.base_url="http://127.0.0.1:1234/v1"',
    'model_providers.shimmy.wire_api="responses"',
  ]);
  const keyed = setupOf("codex", { hasKey: true });
  assertEquals(keyed.args.at(-1), 'model_providers.shimmy.env_key="SHIMMY_API_KEY"');
  assertEquals(keyed.variables, { SHIMMY_API_KEY: API_KEY });
});

Deno.test("opencode gets its settings as JSON in a variable", () => {
  const settings = JSON.parse(setupOf("opencode").variables.OPENCODE_CONFIG_CONTENT as string);
  assertEquals([settings.model, settings.small_model], ["shimmy/qwen3:4b", "shimmy/qwen3:4b"]);
  const { options, models } = settings.provider.shimmy;
  assertEquals(options, { baseURL: "http://127.0.0.1:1234/v1", apiKey: "none" });
  assertEquals(models["qwen3:4b"].limit, { context: 65_536, output: 16_384 });
  const { OPENCODE_CONFIG_CONTENT: keyed } = setupOf("opencode", { hasKey: true }).variables;
  assertStringIncludes(keyed as string, '"apiKey":"{env:SHIMMY_API_KEY}"');
});

Deno.test("Qwen Code gets the server from variables and the context from a file of defaults", () => {
  const setup = setupOf("qwen");
  assertEquals(setup.variables, {
    OPENAI_BASE_URL: "http://127.0.0.1:1234/v1",
    OPENAI_API_KEY: "none",
    OPENAI_MODEL: "qwen3:4b",
    QWEN_CODE_SYSTEM_DEFAULTS_PATH: "/settings/qwen-defaults.json",
  });
  assertEquals(setup.args, ["--auth-type", "openai", "--model", "qwen3:4b"]);
  assertEquals(settingsOf(setup).model.generationConfig.contextWindowSize, 65_536);
});

Deno.test("aider gets variables and a file of model metadata", () => {
  const setup = setupOf("aider", { context: 8_192 });
  assertEquals(setup.variables, {
    OPENAI_API_BASE: "http://127.0.0.1:1234/v1",
    OPENAI_API_KEY: "none",
    AIDER_MODEL: "openai/qwen3:4b",
    AIDER_MODEL_METADATA_FILE: "/settings/aider-models.json",
  });
  const { max_input_tokens, max_output_tokens } = settingsOf(setup)["openai/qwen3:4b"];
  assertEquals([max_input_tokens, max_output_tokens], [8_192, 2_048]);
});

Deno.test("pi gets an extension that registers the provider", async () => {
  const { args, files: [file] } = setupOf("pi", { hasKey: true });
  assertEquals(args, [
    "--extension",
    "/settings/pi-provider.js",
    "--provider",
    "shimmy",
    "--model",
    "qwen3:4b",
  ]);
  const registered: unknown[] = [];
  const { default: extend } = await import(
    `data:text/javascript,${encodeURIComponent(file!.text)}`
  );
  extend({ registerProvider: (...given: unknown[]) => registered.push(given) });
  const [[name, { baseUrl, apiKey, models }]] = registered as [
    [string, { baseUrl: string; apiKey: string; models: { contextWindow: number }[] }],
  ];
  assertEquals([name, baseUrl, apiKey], [
    "shimmy",
    "http://127.0.0.1:1234/v1",
    "$SHIMMY_API_KEY",
  ]);
  assertEquals(models.map(({ contextWindow }) => contextWindow), [65_536]);
});

Deno.test("Cline gets a list of providers, and the key in a variable", () => {
  const setup = setupOf("cline", { hasKey: true });
  assertEquals(setup.variables, {
    CLINE_PROVIDER_SETTINGS_PATH: "/settings/cline-providers.json",
    OPENAI_API_KEY: API_KEY,
    CLINE_SESSION_BACKEND_MODE: "local",
  });
  assertEquals(settingsOf(setup).providers["openai-compatible"].settings, {
    provider: "openai-compatible",
    model: "qwen3:4b",
    baseUrl: "http://127.0.0.1:1234/v1",
  });
});

Deno.test("Continue gets a configuration file", () => {
  const setup = setupOf("continue", { hasKey: true });
  assertEquals(setup.args, ["--config", "/settings/continue.yaml"]);
  const [model] = settingsOf(setup).models;
  assertEquals([model.model, model.apiBase], ["qwen3:4b", "http://127.0.0.1:1234/v1"]);
  assertEquals(model.apiKey, "${{ secrets.SHIMMY_API_KEY }}");
  assertEquals(model.defaultCompletionOptions.contextLength, 65_536);
});

Deno.test("every client gets the address and the model", () => {
  for (const [name, client] of Object.entries(CLIENTS)) {
    const { variables, args, files } = client.configure(TARGET, pathOf);
    const all = JSON.stringify([variables, args, files]);
    assertStringIncludes(all, "http://127.0.0.1:1234", name);
    assertStringIncludes(all, "qwen3:4b", name);
    assertEquals(
      all.includes("SHIMMY_API_KEY"),
      false,
      `${name} refers to a key that there is not`,
    );
  }
});
