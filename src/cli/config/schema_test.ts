import { assertEquals, assertThrows } from "@std/assert";
import { join, resolve } from "node:path";
import { ShimmyError } from "../../errors.ts";
import { GLOBAL_OPTIONS } from "../options/global_options.ts";
import { SERVE_OPTIONS } from "../options/serve_options.ts";
import { toConfig } from "./schema.ts";

const FILE = resolve("/etc/shimmy/shimmy.json");
const HOME = resolve("/home/x");
const read = (body: unknown) =>
  toConfig(FILE, typeof body === "string" ? body : JSON.stringify(body), {
    ...GLOBAL_OPTIONS,
    ...SERVE_OPTIONS,
  }, HOME);

Deno.test("an empty object configures nothing", () => {
  const { models, options } = read({});
  assertEquals(models, { models: {}, aliases: {}, defaults: {} });
  assertEquals(options, {});
});

Deno.test("all fields of a model are read, with paths relative to the file", () => {
  const { models } = read({
    models: {
      Big: {
        path: "models/big.gguf",
        alias: "GPT-4",
        loras: ["a.gguf:0.5", { path: "/l/b.gguf" }, {
          path: "c.gguf",
          name: "Mood",
          layers: [2, 9],
        }],
        ctx: 8192,
        parallel: 2,
        "kv-type": "q8_0",
        "gpu-layers": "all",
        pinned: true,
        "keep-alive": "30m",
        system: "Be brief",
        max_tokens: 300,
        defaults: { temperature: 0.2, top_k: 10, reasoning_sampling: { temperature: 1 } },
      },
      small: { alias: ["s", "T"], "gpu-layers": "auto", keep_alive: -1 },
    },
    aliases: { "GPT-3": "small" },
    defaults: { seed: 7, reasoning_sampling: { top_p: 1 } },
  });
  assertEquals(models, {
    models: {
      big: {
        path: resolve("/etc/shimmy/models/big.gguf"),
        aliases: ["gpt-4"],
        loras: [
          { path: resolve("/etc/shimmy/a.gguf"), scale: 0.5 },
          { path: resolve("/l/b.gguf"), scale: 1 },
          { path: resolve("/etc/shimmy/c.gguf"), scale: 1, name: "mood", layers: [2, 9] },
        ],
        settings: {
          contextLength: 8192,
          parallel: 2,
          kvType: "q8_0",
          gpuLayers: -1,
          pinned: true,
          keepAlive: 1_800_000,
          system: "Be brief",
          maxTokens: 300,
          sampling: { temperature: 0.2, topK: 10 },
          reasoningSampling: { temperature: 1 },
        },
      },
      small: { aliases: ["s", "t"], settings: { gpuLayers: null, keepAlive: Infinity } },
    },
    aliases: { "gpt-3": "small" },
    defaults: { seed: 7 },
    reasoningDefaults: { topP: 1 },
  });
});

Deno.test("the example of the documentation is valid", async () => {
  const page = await Deno.readTextFile(new URL("../../../docs/configuration.md", import.meta.url));
  const example = /```json\n(.*?)```/s.exec(page)?.[1];
  const { models, options } = read(example ?? "");
  assertEquals(Object.keys(models.models), ["writer", "shimmy-tiny"]);
  assertEquals(options, { port: ["11500"], "max-models": ["2"], "keep-alive": ["10m"] });
});

Deno.test("the bound of a model's disk cache has two spellings, also among the options", () => {
  const { models, options } = read({
    models: {
      a: { "disk-cache": "2GB" },
      b: { disk_cache: "1GiB" },
      c: { disk_cache: 0 },
      d: {},
    },
    server: { disk_cache: "20GB" },
  });
  assertEquals(Object.values(models.models).map(({ settings }) => settings.diskCache), [
    2e9,
    2 ** 30,
    0,
    undefined,
  ]);
  assertEquals(options, { "disk-cache": ["20GB"] });
  assertThrows(
    () => read({ models: { a: { disk_cache: "2" } } }),
    ShimmyError,
    "models.a.disk-cache: must be a size with a unit such as 20GB or 512MiB, or 0, not '2'",
  );
  assertThrows(
    () => read({ models: { a: { "disk-cache": 5 } } }),
    ShimmyError,
    "models.a.disk-cache: must be a size with a unit such as 20GB or 512MiB, or 0",
  );
});

Deno.test("options become texts, as on the command line", () => {
  const { options } = read({
    server: {
      port: 0,
      insecure: true,
      "in-process": false,
      "cors-origin": ["http://a", "http://b"],
      "keep-alive": "5m",
      ctx: 512,
    },
  });
  assertEquals(options, {
    port: ["0"],
    insecure: ["true"],
    "cors-origin": ["http://a", "http://b"],
    "keep-alive": ["5m"],
    ctx: ["512"],
  });
});

Deno.test("comments and trailing commas are accepted", () => {
  const { models } = read('// one\n{ "defaults": { "seed": 7, /* two */ }, }');
  assertEquals(models.defaults, { seed: 7 });
});

Deno.test("an error in JSON names its line and column", () => {
  assertThrows(() => read('{\n  "defaults": }'), ShimmyError, "in line 2, column 15");
});

Deno.test("~ is the home folder in paths of models, adapters and options", () => {
  const { models, options } = read({
    models: {
      a: { path: "~/m/a.gguf", loras: ["~/b.gguf:2", "c~.gguf"], mmproj: "~/p.gguf" },
      b: { path: "$HOME/m/b.gguf" },
    },
    server: { "model-dirs": "~/one;/two", "model-path": "~", lora: ["~/d.gguf:1"], "api-key": "~" },
  });
  assertEquals(models.models.a?.path, join(HOME, "m", "a.gguf"));
  assertEquals(models.models.b?.path, join(HOME, "m", "b.gguf"));
  assertEquals(models.models.a?.projector, join(HOME, "p.gguf"));
  assertEquals(models.models.a?.loras?.map(({ path }) => path), [
    join(HOME, "b.gguf"),
    resolve("/etc/shimmy/c~.gguf"),
  ]);
  assertEquals(options, {
    "model-dirs": [`${join(HOME, "one")};/two`],
    "model-path": [join(HOME)],
    lora: [join(HOME, "d.gguf:1")],
    "api-key": ["~"],
  });
});

const mistakes: readonly (readonly [unknown, string])[] = [
  ["{", "must be JSON: "],
  [[], "must contain a JSON object"],
  ["null", "must contain a JSON object"],
  ["5 5", "must be JSON: "],
  [{ models: { a: { max_tokens: 0 } } }, "models.a.max_tokens: must be a whole number, 1 or more"],
  [{ models: { a: { system: 1 } } }, "models.a.system: must be text"],
  [{ models: { a: { keep_alive: 1, "keep-alive": 2 } } }, "models.a.keep_alive: is the former"],
  [{ models: { a: { "keep-alive": "soon" } } }, "models.a.keep-alive: must be a duration"],
  [{ model: {} }, "model: is not a known field; did you mean models?"],
  [
    { models: { "a.b": { "max-tokens": 1 } } },
    "models.a.b.max-tokens: is not a known field; did you " +
    "mean max_tokens?",
  ],
  [{ defaults: { temprature: 1 } }, "defaults.temprature: is not a known field; did you mean temp"],
  [{ models: { a: { loras: [{ path: "b", names: 1 }] } } }, "models.a.loras[0]"],
  [
    { server: { colour: 1 } },
    "server.colour: is not a known option; shimmy serve --help-all lists",
  ],
  [{ models: { a: { ctx: -1 } } }, "models.a.ctx: must be a whole number, 0 or more"],
  [{ models: { a: { path: 1 } } }, "models.a.path: must be text"],
  [{ models: { a: { "kv-type": "q9" } } }, "models.a.kv-type: must be one of f32, "],
  [{ models: { a: { "gpu-layers": "some" } } }, 'models.a.gpu-layers: must be "auto", "all"'],
  [{ models: { a: { keep_alive: "soon" } } }, "models.a.keep_alive: must be a duration"],
  [{ models: { a: { pinned: 1 } } }, "models.a.pinned: must be true or false"],
  [{ models: { a: { loras: ["b.gguf:x"] } } }, "models.a.loras[0]: must be FILE"],
  [{ models: { a: { loras: [{ path: "b", layers: [1] }] } } }, "models.a.loras[0].layers: "],
  [{ models: { a: { defaults: { temperatur: 1 } } } }, "models.a.defaults.temperatur: is not"],
  [
    { defaults: { reasoning_sampling: { top_p: 2 } } },
    "defaults.reasoning_sampling.top_p: must be a number from 0 to 1",
  ],
  [{ aliases: { a: "" } }, "aliases.a: must not be empty"],
  [{ server: { prot: 1 } }, "server.prot: is not a known option; did you mean port?"],
  [{ server: { port: true } }, "server.port: must be N"],
  [{ server: { ollama: ["a", "b"] } }, "server.ollama: takes one value, not a list"],
  [{ server: { insecure: "yes" } }, "server.insecure: must be true or false"],
  [{ server: { port: [1, 2] } }, "server.port: takes one value, not a list"],
];

for (const [body, message] of mistakes) {
  Deno.test(`${JSON.stringify(body)} is refused by its field`, () => {
    assertThrows(() => read(body), ShimmyError, message);
  });
}
