import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { dirname, join } from "@std/path";
import { entryDouble } from "../../tests/doubles/pool.ts";
import {
  EnvironmentDouble,
  type EnvironmentDoubleOptions,
} from "../../tests/doubles/environment.ts";
import { model } from "../../tests/models/machine.ts";
import { ShimmyError } from "../errors.ts";
import { main } from "./main.ts";

interface Outcome {
  readonly status: number;
  readonly environment: EnvironmentDouble;
}

async function shimmy(args: string[], options: EnvironmentDoubleOptions = {}): Promise<Outcome> {
  const environment = new EnvironmentDouble(options);
  const status = await main(args, environment);
  assertEquals(environment.listeners, 0, "an interrupt handler is left");
  return { status, environment };
}

/** The one line on stderr of a command line that ends with a status. */
async function failure(
  args: string[],
  status: number,
  options: EnvironmentDoubleOptions = {},
): Promise<string> {
  const outcome = await shimmy(args, options);
  assertEquals(outcome.status, status);
  assertEquals(outcome.environment.out, "");
  assertEquals(outcome.environment.notes.length, 1);
  return outcome.environment.notes[0]!;
}

Deno.test("--help lists every command, --help-all also options and variables", async () => {
  const { status, environment } = await shimmy(["--help"]);
  assertEquals(status, 0);
  const commands =
    "serve generate chat list pull rm discover show probe plan bench gpu-info runtime";
  for (const command of commands.split(" ")) {
    assertMatch(environment.out, new RegExp(`^ {2}${command} `, "m"));
  }
  assert(!environment.out.includes("--gpu-backend"), environment.out);
  const all = await shimmy(["--help-all"]);
  assertStringIncludes(all.environment.out, "--gpu-backend auto|cpu");
  assertStringIncludes(all.environment.out, "-c, --ctx N");
  assertStringIncludes(all.environment.out, "SHIMMY_LIBLLAMA");
});

Deno.test("--version prints both versions", async () => {
  const version = await shimmy(["--version"]);
  assertMatch(version.environment.out, /^shimmy \d+\.\d+\.\d+\nlibllama 0\.5\.0\n$/);
});

Deno.test("a command's help shows its own options first, and global ones with --help-all", async () => {
  for (const command of ["serve", "generate", "chat", "list", "pull", "rm", "show", "gpu-info"]) {
    const { status, environment } = await shimmy([command, "--nonsense", "--help"]);
    assertEquals(status, 0);
    assertStringIncludes(environment.out, `shimmy ${command}`);
    assert(!environment.out.includes("--gpu-backend auto|"), environment.out);
    const all = await shimmy([command, "--nonsense", "--help-all"]);
    assert(all.environment.out.startsWith(environment.out.split("\n\n")[0]!));
    assertStringIncludes(all.environment.out, "--gpu-backend auto|cpu");
  }
});

Deno.test("a missing command is a usage error", async () => {
  assertStringIncludes(await failure([], 2), "shimmy <command> [options]");
});

Deno.test("usage errors exit with 2 and name the nearest valid name", async () => {
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

Deno.test("an invalid environment variable is a usage error", async () => {
  assertEquals(
    await failure(["list"], 2, { env: { SHIMMY_GPU_BACKEND: "abacus" } }),
    "shimmy: SHIMMY_GPU_BACKEND: must be one of auto, cpu, cuda, vulkan, opencl, metal, " +
      "not 'abacus'",
  );
});

Deno.test("placement options without an effect are usage errors", async () => {
  for (const command of [["serve", "--port", "0"], ["plan", "m"]]) {
    assertEquals(
      await failure([...command, "--main-gpu", "1"], 2),
      "shimmy: --main-gpu: has an effect only with --split-mode none",
    );
  }
});

Deno.test("serve refuses a public address without an API key", async () => {
  assertEquals(
    await failure(["serve", "--bind", "0.0.0.0:1"], 2),
    "shimmy: --bind: other machines can reach 0.0.0.0; set --api-key, or use --insecure",
  );
});

Deno.test("failures exit with 1 and one line", async () => {
  assertEquals(
    await failure(["generate", "n", "--prompt", "x"], 1),
    "shimmy: Model 'n' not found: The nearest name is 'm'",
  );
});

Deno.test("generate streams the answer", async () => {
  const { status, environment } = await shimmy([
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
  assertEquals(environment.out, "Hello world\n");
  const [request] = environment.engine.requests;
  assertEquals(request?.maxTokens, 5);
  assertEquals(request?.sampling, { temperature: 0, seed: 7 });
  assertEquals(request?.stop.slice(0, 2), ["x", "y"]);
  const prompt = request!.prompt.map((part) => "text" in part ? part.text : "").join("");
  assertMatch(prompt, /Be brief[^]*Hi/);
});

Deno.test("a raw prompt is used unchanged and may come from stdin", async () => {
  const { environment } = await shimmy(["generate", "m", "--raw", "--prompt", "-"], {
    lines: ["Once upon", "a time"],
  });
  assertEquals(
    environment.engine.requests[0]?.prompt.map((part) => "text" in part ? part.text : ""),
    ["Once upon\na time"],
  );
  assertEquals(
    await failure(["generate", "--raw", "--prompt", "x", "--system", "y"], 2),
    "shimmy: --system: has no effect with --raw",
  );
});

Deno.test("generate --json prints one object with usage and timings", async () => {
  const { environment } = await shimmy(["generate", "m", "--prompt", "Hi", "--json"]);
  const { usage, timings, ...rest } = JSON.parse(environment.out);
  assertEquals(rest, { model: "m", response: "Hello world", finish_reason: "stop" });
  assertEquals(usage.completion_tokens, 2);
  assertEquals(timings.first_token_ms, 3);
});

Deno.test("an interrupt cancels the answer and exits with 130", async () => {
  const environment: EnvironmentDouble = new EnvironmentDouble({
    engine: {
      script: { tokens: ["a "], endless: true },
      beforeToken: (index) => index === 3 ? environment.interrupt() : undefined,
    },
  });
  assertEquals(await main(["generate", "--prompt", "x"], environment), 130);
  assertMatch(environment.out, /^(a )+\n$/);
  assertEquals(environment.engine.finished, ["cancelled"]);
});

Deno.test("a cancelled load exits with 130 and prints nothing", async () => {
  const error = new ShimmyError("cancelled", "The load was cancelled");
  const options = { engine: { script: { tokens: [], error } } };
  const { status, environment } = await shimmy(["probe", "m"], options);
  assertEquals([status, environment.out, environment.notes], [130, "", []]);
});

Deno.test("probe reports the placement", async () => {
  const placement = [
    { device: "GPU0", layers: 3, weightBytes: 2048, kvBytes: 1024, computeBytes: 512 },
    { device: "CPU", layers: 1, weightBytes: 1024, kvBytes: null, computeBytes: null },
  ];
  const options = { engine: { info: { layers: 3, offloadedLayers: 3, placement } } };
  const { environment } = await shimmy(["probe", "m"], options);
  assertMatch(
    environment.out,
    /^GPU0: +3 of 4 layers, 2 KiB of weights, 1 KiB of KV cache, 512 B of compute buffers$/m,
  );
  assertMatch(environment.out, /^CPU: +1 of 4 layers, 1 KiB of weights$/m);
  const report = JSON.parse((await shimmy(["probe", "m", "--json"], options)).environment.out);
  assertEquals(report.offloaded_layers, 3);
  assertEquals(report.placement[0], {
    device: "GPU0",
    layers: 3,
    weight_bytes: 2048,
    kv_bytes: 1024,
    compute_bytes: 512,
  });
});

Deno.test("plan reports whether a model fits, and loads nothing", async () => {
  const { status, environment } = await shimmy(["plan", "m"]);
  assertEquals([status, environment.loaded], [0, []]);
  assertMatch(environment.out, /^fits: +yes$/m);
  assertMatch(environment.out, /^CPU +2 +4 B +8 B +16 B +32 B +60 B +1 KiB +0 B$/m);
  const plan = JSON.parse((await shimmy(["plan", "m", "--json"])).environment.out);
  assertEquals([plan.model, plan.fits, plan.layers], ["m", true, 2]);
  assertEquals(plan.devices[0].kv_bytes, 8);
});

Deno.test("show reports the planned placement with --placement", async () => {
  const path = join(await Deno.makeTempDir(), "m.gguf");
  await Deno.writeFile(path, model(1));
  const environment = new EnvironmentDouble({ models: [entryDouble("m", { paths: [path] })] });
  assertEquals(await main(["show", "m"], environment), 0);
  assert(!environment.out.includes("layers"), environment.out);
  assertEquals(await main(["show", "m", "--placement"], environment), 0);
  assertMatch(
    environment.out,
    /^CPU: +2 of 2 layers, 4 B of weights, 8 B of KV cache, 16 B of compute buffers$/m,
  );
  await Deno.remove(dirname(path), { recursive: true });
});

Deno.test("runtime lists variants, and names them for an unknown one", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const options = { env: { SHIMMY_CACHE_DIR: folder } };
    const { status, environment } = await shimmy(["runtime", "list", "--json"], options);
    assertEquals(status, 0);
    assertEquals(
      JSON.parse(environment.out).map((one: { variant: string }) => one.variant),
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
  assertEquals((await shimmy(["list", "--short"], { models })).environment.out, "one\ntwo\n");
  const { environment } = await shimmy(["list"], { models });
  assertMatch(environment.out, /^NAME .*\none .* 2\.6M .* Q4_K_M .* 1 KiB /);
  const json = JSON.parse((await shimmy(["list", "--json"], { models })).environment.out);
  assertEquals(json.map((entry: { name: string }) => entry.name), ["one", "two"]);
  assertEquals(json[0].parameters, 2_600_000);
});

Deno.test("discover reports directories and files that are no models", async () => {
  const options: EnvironmentDoubleOptions = {
    models: [entryDouble("one"), entryDouble("two", { kind: "embedding" })],
    discovery: {
      skipped: [{ path: "/m/bad.gguf", reason: "not a GGUF file", kind: "broken" }],
      sources: [{ path: "/m", source: "folder", exists: true, models: 2 }],
    },
  };
  const { status, environment } = await shimmy(["discover", "--llm-only"], options);
  assertEquals(status, 0);
  assertStringIncludes(environment.out, "one: one.gguf");
  assert(!environment.out.includes("two"));
  assertMatch(environment.out, /\/m +folder +2/);
  assertEquals(environment.notes, ["Skipped /m/bad.gguf: not a GGUF file"]);
  const json = JSON.parse((await shimmy(["discover", "--json"], options)).environment.out);
  assertEquals(Object.keys(json), ["models", "skipped", "places"]);
});

Deno.test("probe loads, decodes one token and reports", async () => {
  const { status, environment } = await shimmy(["probe", "m", "--json"]);
  assertEquals(status, 0);
  const report = JSON.parse(environment.out);
  assertEquals(report.model, "m");
  assertEquals(report.load_ms, 1);
  assertEquals(report.first_token_ms, 3);
  assertEquals(environment.engine.requests.length, 1);
  assertEquals(environment.engine.requests[0]?.maxTokens, 1);
});

Deno.test("probe exits with 1 and the reason for a model that fails", async () => {
  const error = new ShimmyError("backend", "Not enough memory");
  assertEquals(
    await failure(["probe", "m"], 1, { engine: { script: { tokens: [], error } } }),
    "shimmy: Not enough memory",
  );
});

Deno.test("bench measures independent runs and ignores the first", async () => {
  const args = ["bench", "m", "--max-tokens", "4", "--prompt-tokens", "8", "--runs", "2"];
  const { environment } = await shimmy([...args, "--json"]);
  const report = JSON.parse(environment.out);
  assertEquals(report.runs, 2);
  assertEquals(report.prompt_per_second, { mean: 5, deviation: 0 });
  assertEquals(environment.engine.requests.length, 3);
  for (const request of environment.engine.requests) {
    assertEquals(request.cachePrompt, false);
    assertEquals(request.ignoreEos, true);
    assertEquals(request.maxTokens, 4);
    const [part] = request.prompt;
    assertEquals("tokens" in part! && part.tokens.length, 8);
  }
  const readable = (await shimmy(args)).environment.out;
  assertMatch(readable, /decode +4 +6\.0 ± 0\.0 tokens\/s/);
});

Deno.test("bench refuses an answer that does not fit into the context", async () => {
  assertStringIncludes(
    await failure(["bench", "m", "--max-tokens", "1024"], 1),
    "--max-tokens: must be less than the context of 1024 tokens",
  );
});

Deno.test("chat keeps the conversation, runs its commands and ends with the input", async () => {
  const { status, environment } = await shimmy(["chat", "m"], {
    lines: ["first \\", "question", "/nonsense", "/help", "second", "/clear", "third"],
  });
  assertEquals(status, 0);
  assertEquals(environment.out, "Hello world\n".repeat(3));
  const prompts = environment.engine.requests.map((request) =>
    request.prompt.map((part) => "text" in part ? part.text : "").join("")
  );
  assertStringIncludes(prompts[0]!, "first \nquestion");
  assertMatch(prompts[1]!, /question[^]*Hello world[^]*second/);
  assert(!prompts[2]!.includes("second"));
  assertStringIncludes(environment.notes.join("\n"), "Unknown command /nonsense");
  assertStringIncludes(environment.notes.join("\n"), "/system TEXT");
});

Deno.test("in chat an interrupt cancels the answer and not the program", async () => {
  const environment: EnvironmentDouble = new EnvironmentDouble({
    lines: ["go on", "and now?", "/exit", "never asked"],
    engine: {
      script: (_, index) => index === 0 ? { tokens: ["on "], endless: true } : { tokens: ["Yes"] },
      beforeToken: (index) => index === 2 ? environment.interrupt() : undefined,
    },
  });
  assertEquals(await main(["chat", "m"], environment), 0);
  assertEquals(environment.engine.finished, ["cancelled", "stop"]);
  assertMatch(environment.out, /^(on )+\nYes\n$/);
});

Deno.test("in chat a message that fails is reported and dropped", async () => {
  const { status, environment } = await shimmy(["chat", "m"], {
    lines: ["x".repeat(2000), "short"],
  });
  assertEquals(status, 0);
  assertStringIncludes(environment.notes.join("\n"), "the context holds 1024");
  assertEquals(environment.out, "Hello world\n");
});
