import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { dirname, join } from "@std/path";
import { entryDouble } from "../../tests/doubles/pool.ts";
import { WorldDouble, type WorldDoubleOptions } from "../../tests/doubles/world.ts";
import { model } from "../../tests/models/machine.ts";
import { ShimmyError } from "../errors.ts";
import { main } from "./main.ts";

interface Outcome {
  readonly status: number;
  readonly world: WorldDouble;
}

async function shimmy(args: string[], options: WorldDoubleOptions = {}): Promise<Outcome> {
  const world = new WorldDouble(options);
  const status = await main(args, world);
  assertEquals(world.listeners, 0, "a command goes on listening for signals");
  return { status, world };
}

/** The one line on stderr of a command line that ends with a status. */
async function failure(
  args: string[],
  status: number,
  options: WorldDoubleOptions = {},
): Promise<string> {
  const outcome = await shimmy(args, options);
  assertEquals(outcome.status, status);
  assertEquals(outcome.world.out, "");
  assertEquals(outcome.world.notes.length, 1);
  return outcome.world.notes[0]!;
}

Deno.test("--help lists every command and --version both versions", async () => {
  const { status, world } = await shimmy(["--help"]);
  assertEquals(status, 0);
  const commands =
    "serve generate chat list pull rm discover show probe plan bench gpu-info runtime";
  for (const command of commands.split(" ")) {
    assertMatch(world.out, new RegExp(`^ {2}${command} `, "m"));
  }
  assertStringIncludes(world.out, "SHIMMY_LIBLLAMA");
  const version = await shimmy(["--version"]);
  assertMatch(version.world.out, /^shimmy \d+\.\d+\.\d+\nlibllama 0\.5\.0\n$/);
});

Deno.test("every command has its own help, whatever else is typed", async () => {
  for (const command of ["serve", "generate", "chat", "list", "pull", "rm", "show", "gpu-info"]) {
    const { status, world } = await shimmy([command, "--nonsense", "--help"]);
    assertEquals(status, 0);
    assertStringIncludes(world.out, `shimmy ${command}`);
    assertStringIncludes(world.out, "--gpu-backend");
  }
});

Deno.test("no command at all is a mistake", async () => {
  assertStringIncludes(await failure([], 2), "shimmy <command> [options]");
});

Deno.test("mistakes end with 2 and the nearest valid name", async () => {
  assertEquals(
    await failure(["generat"], 2),
    "shimmy: Unknown command 'generat'; did you mean 'generate'?",
  );
  assertEquals(
    await failure(["list", "--jsn"], 2),
    "shimmy: Unknown option --jsn; did you mean --json?",
  );
  assertEquals(
    await failure(["list", "--kv-type", "q9"], 2),
    "shimmy: --kv-type: must be one of f32, f16, bf16, q8_0, q4_0, q4_1, iq4_nl, q5_0, q5_1, " +
      "not 'q9'",
  );
  assertEquals(await failure(["list", "x"], 2), "shimmy: list: unexpected argument 'x'");
  assertEquals(await failure(["show"], 2), "shimmy: show: NAME is missing");
  assertEquals(await failure(["generate"], 2), "shimmy: generate: --prompt is missing");
  assertEquals(
    await failure(["generate", "a", "--name", "b", "--prompt", "x"], 2),
    "shimmy: generate: two models are named, 'a' and 'b'",
  );
  assertMatch(await failure(["--verbose", "list"], 2), /^shimmy: Unknown option --verbose/);
});

Deno.test("a wrong variable of the environment is a mistake too", async () => {
  assertEquals(
    await failure(["list"], 2, { env: { SHIMMY_GPU_BACKEND: "abacus" } }),
    "shimmy: SHIMMY_GPU_BACKEND: must be one of auto, cpu, cuda, vulkan, opencl, metal, " +
      "not 'abacus'",
  );
});

Deno.test("options of placement that take no effect together are a mistake before anything runs", async () => {
  for (const command of [["serve", "--port", "0"], ["plan", "m"]]) {
    assertEquals(
      await failure([...command, "--main-gpu", "1"], 2),
      "shimmy: --main-gpu: takes effect with --split-mode none alone",
    );
  }
});

Deno.test("serve refuses what would open the machine to others", async () => {
  assertEquals(
    await failure(["serve", "--bind", "0.0.0.0:1"], 2),
    "shimmy: --bind: 0.0.0.0 can be reached from other machines; set --api-key, or say --insecure",
  );
});

Deno.test("failures end with 1 and one line", async () => {
  assertEquals(
    await failure(["generate", "n", "--prompt", "x"], 1),
    "shimmy: Model 'n' not found: The nearest name is 'm'",
  );
});

Deno.test("generate streams the answer to a question", async () => {
  const { status, world } = await shimmy([
    "generate",
    "--prompt",
    "Hi",
    "--system",
    "Be brief",
    "--max-tokens",
    "5",
    "--temperature",
    "0",
    "--seed",
    "7",
    "--stop",
    "x",
    "--stop",
    "y",
  ]);
  assertEquals(status, 0);
  assertEquals(world.out, "Hello world\n");
  const [request] = world.engine.requests;
  assertEquals(request?.maxTokens, 5);
  assertEquals(request?.sampling, { temperature: 0, seed: 7 });
  assertEquals(request?.stop.slice(0, 2), ["x", "y"]);
  const prompt = request!.prompt.map((part) => "text" in part ? part.text : "").join("");
  assertMatch(prompt, /Be brief[^]*Hi/);
});

Deno.test("a raw prompt is continued as it is, and may come from stdin", async () => {
  const { world } = await shimmy(["generate", "m", "--raw", "--prompt", "-"], {
    lines: ["Once upon", "a time"],
  });
  assertEquals(
    world.engine.requests[0]?.prompt.map((part) => "text" in part ? part.text : ""),
    ["Once upon\na time"],
  );
  assertEquals(
    await failure(["generate", "--raw", "--prompt", "x", "--system", "y"], 2),
    "shimmy: --system: has no place in a raw prompt",
  );
});

Deno.test("generate --json prints one object with usage and timings", async () => {
  const { world } = await shimmy(["generate", "m", "--prompt", "Hi", "--json"]);
  const { usage, timings, ...rest } = JSON.parse(world.out);
  assertEquals(rest, { model: "m", response: "Hello world", finish_reason: "stop" });
  assertEquals(usage.completion_tokens, 2);
  assertEquals(timings.first_token_ms, 3);
});

Deno.test("a request to stop ends the answer and the exit status says so", async () => {
  const world: WorldDouble = new WorldDouble({
    engine: {
      script: { tokens: ["a "], endless: true },
      beforeToken: (index) => index === 3 ? world.stop() : undefined,
    },
  });
  assertEquals(await main(["generate", "--prompt", "x"], world), 130);
  assertMatch(world.out, /^(a )+\n$/);
  assertEquals(world.engine.finished, ["cancelled"]);
});

Deno.test("what is stopped before it has an answer ends quietly", async () => {
  const error = new ShimmyError("cancelled", "Loading was given up");
  const options = { engine: { script: { tokens: [], error } } };
  const { status, world } = await shimmy(["probe", "m"], options);
  assertEquals([status, world.out, world.notes], [130, "", []]);
});

Deno.test("probe reports what lies where", async () => {
  const placement = [
    { device: "GPU0", layers: 3, weightBytes: 2048, kvBytes: 1024, computeBytes: 512 },
    { device: "CPU", layers: 1, weightBytes: 1024, kvBytes: null, computeBytes: null },
  ];
  const options = { engine: { info: { layers: 3, offloadedLayers: 3, placement } } };
  const { world } = await shimmy(["probe", "m"], options);
  assertMatch(
    world.out,
    /^GPU0: +3 of 4 layers, 2 KiB of weights, 1 KiB of KV cache, 512 B to compute in$/m,
  );
  assertMatch(world.out, /^CPU: +1 of 4 layers, 1 KiB of weights$/m);
  const report = JSON.parse((await shimmy(["probe", "m", "--json"], options)).world.out);
  assertEquals(report.offloaded_layers, 3);
  assertEquals(report.placement[0], {
    device: "GPU0",
    layers: 3,
    weight_bytes: 2048,
    kv_bytes: 1024,
    compute_bytes: 512,
  });
});

Deno.test("plan tells whether a model would fit, and loads nothing", async () => {
  const { status, world } = await shimmy(["plan", "m"]);
  assertEquals([status, world.loaded], [0, []]);
  assertMatch(world.out, /^fits: +yes$/m);
  assertMatch(world.out, /^CPU +2 +4 B +8 B +16 B +32 B +60 B +1 KiB +0 B$/m);
  const plan = JSON.parse((await shimmy(["plan", "m", "--json"])).world.out);
  assertEquals([plan.model, plan.fits, plan.layers], ["m", true, 2]);
  assertEquals(plan.devices[0].kv_bytes, 8);
});

Deno.test("show tells where a model would lie, where that is asked", async () => {
  const path = join(await Deno.makeTempDir(), "m.gguf");
  await Deno.writeFile(path, model(1));
  const world = new WorldDouble({ models: [entryDouble("m", { paths: [path] })] });
  assertEquals(await main(["show", "m"], world), 0);
  assert(!world.out.includes("layers"), world.out);
  assertEquals(await main(["show", "m", "--placement"], world), 0);
  assertMatch(
    world.out,
    /^CPU: +2 of 2 layers, 4 B of weights, 8 B of KV cache, 16 B to compute in$/m,
  );
  await Deno.remove(dirname(path), { recursive: true });
});

Deno.test("runtime lists variants, and names them where one is wrong", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const options = { env: { SHIMMY_CACHE_DIR: folder } };
    const { status, world } = await shimmy(["runtime", "list", "--json"], options);
    assertEquals(status, 0);
    assertEquals(
      JSON.parse(world.out).map((one: { variant: string }) => one.variant),
      ["cuda", "metal", "vulkan", "opencl", "cpu"],
    );
    assertEquals(
      await failure(["runtime", "install", "best"], 2, options),
      "shimmy: runtime: 'best' is not a variant; valid are cuda, metal, vulkan, opencl, cpu",
    );
    assertEquals(
      await failure(["runtime", "get"], 2, options),
      "shimmy: runtime: must be list, install or remove, not 'get'",
    );
    assertEquals(
      await failure(["runtime", "remove", "opencl"], 1, options),
      "shimmy: runtime: opencl is not installed",
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("list prints names, tables and JSON", async () => {
  const models = [
    entryDouble("one", { parameters: 2_600_000, quantization: "Q4_K_M", size: 1024 }),
    entryDouble("two", { kind: "embedding" }),
  ];
  assertEquals((await shimmy(["list", "--short"], { models })).world.out, "one\ntwo\n");
  const { world } = await shimmy(["list"], { models });
  assertMatch(world.out, /^NAME .*\none .* 2\.6M .* Q4_K_M .* 1 KiB /);
  const json = JSON.parse((await shimmy(["list", "--json"], { models })).world.out);
  assertEquals(json.map((entry: { name: string }) => entry.name), ["one", "two"]);
  assertEquals(json[0].parameters, 2_600_000);
});

Deno.test("discover tells of places and of files that are no models", async () => {
  const options: WorldDoubleOptions = {
    models: [entryDouble("one"), entryDouble("two", { kind: "embedding" })],
    discovery: {
      skipped: [{ path: "/m/bad.gguf", reason: "not a GGUF file", kind: "broken" }],
      sources: [{ path: "/m", source: "folder", exists: true, models: 2 }],
    },
  };
  const { status, world } = await shimmy(["discover", "--llm-only"], options);
  assertEquals(status, 0);
  assertStringIncludes(world.out, "one: one.gguf");
  assert(!world.out.includes("two"));
  assertMatch(world.out, /\/m +folder +2/);
  assertEquals(world.notes, ["skipped /m/bad.gguf: not a GGUF file"]);
  const json = JSON.parse((await shimmy(["discover", "--json"], options)).world.out);
  assertEquals(Object.keys(json), ["models", "skipped", "places"]);
});

Deno.test("probe loads, decodes one token and reports", async () => {
  const { status, world } = await shimmy(["probe", "m", "--json"]);
  assertEquals(status, 0);
  const report = JSON.parse(world.out);
  assertEquals(report.model, "m");
  assertEquals(report.load_ms, 1);
  assertEquals(report.first_token_ms, 3);
  assertEquals(world.engine.requests.length, 1);
  assertEquals(world.engine.requests[0]?.maxTokens, 1);
});

Deno.test("probe ends with 1 and the reason when the model does not work", async () => {
  const error = new ShimmyError("backend", "Not enough memory");
  assertEquals(
    await failure(["probe", "m"], 1, { engine: { script: { tokens: [], error } } }),
    "shimmy: Not enough memory",
  );
});

Deno.test("bench measures runs that share nothing, and does not count the first", async () => {
  const args = ["bench", "m", "--max-tokens", "4", "--prompt-tokens", "8", "--runs", "2"];
  const { world } = await shimmy([...args, "--json"]);
  const report = JSON.parse(world.out);
  assertEquals(report.runs, 2);
  assertEquals(report.prompt_per_second, { mean: 5, deviation: 0 });
  assertEquals(world.engine.requests.length, 3);
  for (const request of world.engine.requests) {
    assertEquals(request.cachePrompt, false);
    assertEquals(request.ignoreEos, true);
    assertEquals(request.maxTokens, 4);
    const [part] = request.prompt;
    assertEquals("tokens" in part! && part.tokens.length, 8);
  }
  const readable = (await shimmy(args)).world.out;
  assertMatch(readable, /decode +4 +6\.0 ± 0\.0 tokens\/s/);
});

Deno.test("bench refuses an answer that fills the context", async () => {
  assertStringIncludes(
    await failure(["bench", "m", "--max-tokens", "1024"], 1),
    "--max-tokens: must be less than the context of 1024 tokens",
  );
});

Deno.test("chat remembers, obeys its own words and ends with the input", async () => {
  const { status, world } = await shimmy(["chat", "m"], {
    lines: ["first \\", "question", "/nonsense", "/help", "second", "/clear", "third"],
  });
  assertEquals(status, 0);
  assertEquals(world.out, "Hello world\n".repeat(3));
  const prompts = world.engine.requests.map((request) =>
    request.prompt.map((part) => "text" in part ? part.text : "").join("")
  );
  assertStringIncludes(prompts[0]!, "first \nquestion");
  assertMatch(prompts[1]!, /question[^]*Hello world[^]*second/);
  assert(!prompts[2]!.includes("second"));
  assertStringIncludes(world.notes.join("\n"), "Unknown: /nonsense");
  assertStringIncludes(world.notes.join("\n"), "/system TEXT");
});

Deno.test("in chat a request to stop ends the answer and not the program", async () => {
  const world: WorldDouble = new WorldDouble({
    lines: ["go on", "and now?", "/exit", "never asked"],
    engine: {
      script: (_, index) => index === 0 ? { tokens: ["on "], endless: true } : { tokens: ["Yes"] },
      beforeToken: (index) => index === 2 ? world.stop() : undefined,
    },
  });
  assertEquals(await main(["chat", "m"], world), 0);
  assertEquals(world.engine.finished, ["cancelled", "stop"]);
  assertMatch(world.out, /^(on )+\nYes\n$/);
});

Deno.test("in chat a question that cannot be answered is told and forgotten", async () => {
  const { status, world } = await shimmy(["chat", "m"], {
    lines: ["x".repeat(2000), "short"],
  });
  assertEquals(status, 0);
  assertStringIncludes(world.notes.join("\n"), "the context holds 1024");
  assertEquals(world.out, "Hello world\n");
});
