import { assertEquals, assertThrows } from "@std/assert";
import { resolve } from "@std/path";
import { ShimmyError } from "../../errors.ts";
import { GLOBAL_OPTIONS } from "../options/global_options.ts";
import { SERVE_OPTIONS } from "../options/serve_options.ts";
import { toConfig } from "./schema.ts";

const FILE = resolve("/etc/shimmy/shimmy.json");
const read = (body: unknown) =>
  toConfig(FILE, typeof body === "string" ? body : JSON.stringify(body), {
    ...GLOBAL_OPTIONS,
    ...SERVE_OPTIONS,
  });

Deno.test("an empty file says nothing", () => {
  const { models, options } = read({});
  assertEquals(models, { models: {}, aliases: {}, defaults: {} });
  assertEquals(options, {});
});

Deno.test("everything that a model may say is read, with paths from the file's folder", () => {
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
        keep_alive: "30m",
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

Deno.test("the example of the documentation is right", async () => {
  const page = await Deno.readTextFile(new URL("../../../docs/configuration.md", import.meta.url));
  const example = /```json\n(.*?)```/s.exec(page)?.[1];
  const { models, options } = read(example ?? "");
  assertEquals(Object.keys(models.models), ["writer", "shimmy-tiny"]);
  assertEquals(options, { port: ["11500"], "max-models": ["2"], "keep-alive": ["10m"] });
});

Deno.test("options become the texts that the command line would have", () => {
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

const mistakes: readonly (readonly [unknown, string])[] = [
  ["{", "must be JSON: "],
  [[], "body: must be an object"],
  [{ model: {} }, "model: is not a known field"],
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
  [{ server: { prot: 1 } }, "server.prot: is not a known option; the nearest is port"],
  [{ server: { port: true } }, "server.port: must be N"],
  [{ server: { insecure: "yes" } }, "server.insecure: must be true or false"],
  [{ server: { port: [1, 2] } }, "server.port: takes one value, not a list"],
];

for (const [body, message] of mistakes) {
  Deno.test(`${JSON.stringify(body)} is refused by its field`, () => {
    assertThrows(() => read(body), ShimmyError, message);
  });
}
