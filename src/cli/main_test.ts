import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { dirname, join, resolve } from "node:path";
import { entryDouble } from "../../tests/doubles/pool.ts";
import {
  EnvironmentDouble,
  type EnvironmentDoubleOptions,
} from "../../tests/doubles/environment.ts";
import { KeyboardDouble } from "../../tests/doubles/keyboard.ts";
import { model } from "../../tests/models/machine.ts";
import { ShimmyError } from "../errors.ts";
import type { ModelEntry } from "../models/entry/entry.ts";
import { releaseAssets } from "../runtime/library/release.ts";
import { currentPlatform } from "../runtime/library/variant.ts";
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
    "serve generate chat run list pull rm cp ps stop discover show probe plan bench gpu-info runtime version";
  for (const command of commands.split(" ")) {
    assertMatch(environment.out, new RegExp(`^ {2}${command} `, "m"));
  }
  assert(!environment.out.includes("--gpu-backend"), environment.out);
  const all = await shimmy(["--help-all"]);
  assertStringIncludes(all.environment.out, "--gpu-backend auto|cpu");
  assertStringIncludes(all.environment.out, "-c, --ctx N");
  assertStringIncludes(all.environment.out, "SHIMMY_LIBLLAMA");
});

Deno.test("help of a command is the same in all forms", async () => {
  const help = await shimmy(["serve", "--help"]);
  assertEquals((await shimmy(["help", "serve"])).environment.out, help.environment.out);
  assertEquals((await shimmy(["serve", "-h"])).environment.out, help.environment.out);
  const all = await shimmy(["serve", "--help-all"]);
  assertEquals(
    (await shimmy(["help", "serve", "--help-all"])).environment.out,
    all.environment.out,
  );
  const overview = await shimmy(["--help"]);
  assertEquals((await shimmy(["help"])).environment.out, overview.environment.out);
  assertStringIncludes(await failure(["help", "srve"], 2), "did you mean 'serve'?");
});

Deno.test("--version and version print both versions", async () => {
  const version = await shimmy(["--version"]);
  assertEquals((await shimmy(["version"])).environment.out, version.environment.out);
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
  assertEquals(
    await failure(["list", "--kv-unified", "maybe"], 2),
    "shimmy: list: unexpected argument 'maybe'; --kv-unified may have the values auto|on|off",
  );
  assertEquals(await failure(["show"], 2), "shimmy: show: NAME is missing");
  assertEquals(
    await failure(["generate"], 2, { terminal: true }),
    "shimmy: generate: PROMPT is missing; give it after NAME, or with -p for the default model",
  );
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
    "shimmy: --bind: other machines can reach 0.0.0.0; set --api-key, " +
      "make keys with shimmy keys init, or use --insecure",
  );
});

Deno.test("serve refuses an API key that no header can carry", async () => {
  for (const key of ["schlüssel", "two words", "ключ"]) {
    assertEquals(
      await failure(["serve", "--port", "0", "--api-key", key], 2),
      "shimmy: --api-key: must consist of visible ASCII characters, as in a header",
    );
  }
});

Deno.test("serve --ollama answers at a second address as Ollama does", async () => {
  const environment = new EnvironmentDouble();
  const done = main(["serve", "--port", "0", "--ollama", ":0", "--in-process"], environment);
  const url = () => /Ollama's API is on (http:\S+)/.exec(environment.notes.join("\n"))?.[1];
  while (url() === undefined) await new Promise((resolve) => setTimeout(resolve, 5));
  assertEquals(await (await fetch(url()!)).text(), "Ollama is running");
  const { models } = await (await fetch(`${url()}/api/tags`)).json();
  assert(models.length > 0);
  const metrics = await fetch(`http://${environment.out.trim()}/metrics`);
  assertStringIncludes(await metrics.text(), 'route="/api/tags"');
  environment.interrupt("SIGTERM");
  assertEquals(await done, 0);
});

Deno.test("serve names the folder of the disk cache, which gets prompts and answers", async () => {
  for (const [args, isNamed] of [[["--disk-cache", "2GB"], true], [[], false]] as const) {
    const environment = new EnvironmentDouble();
    const command = ["serve", "--port", "0", "--in-process", "--disk-cache-dir", "kept", ...args];
    const done = main(command, environment);
    while (environment.out === "") await new Promise((resolve) => setTimeout(resolve, 5));
    environment.interrupt("SIGTERM");
    assertEquals(await done, 0);
    const notes = environment.notes.filter((note) => note.includes("--disk-cache"));
    assertEquals(notes.length, isNamed ? 1 : 0);
    if (isNamed) {
      assertStringIncludes(notes[0]!, `answers are kept in ${resolve("kept")}, at most 1.9 GiB`);
    }
  }
});

Deno.test("serve --alias gives a model other names", async () => {
  const environment = new EnvironmentDouble();
  const aliases = ["--alias", "GPT-4=m", "--alias", "*=m"];
  const done = main(["serve", "--port", "0", "--in-process", ...aliases], environment);
  while (environment.out === "") await new Promise((resolve) => setTimeout(resolve, 5));
  const url = `http://${environment.out.trim()}/v1`;
  const { data } = await (await fetch(`${url}/models`)).json();
  assertEquals(data.map(({ id }: { id: string }) => id), ["m", "gpt-4"]);
  for (const model of ["gpt-4", "anything"]) {
    const body = JSON.stringify({ model, prompt: "Hi" });
    const answer = await (await fetch(`${url}/completions`, { method: "POST", body })).json();
    assertEquals(answer.model, model);
  }
  environment.interrupt("SIGTERM");
  assertEquals(await done, 0);
  assertEquals(
    await failure(["serve", "--alias", "gpt-4"], 2),
    "shimmy: --alias: must be NAME=MODEL, not 'gpt-4'",
  );
});

Deno.test("serve --ollama needs a free port, and a key beyond this machine", async () => {
  assertEquals(
    await failure(["serve", "--port", "0", "--ollama", "0.0.0.0"], 2),
    "shimmy: --ollama: other machines can reach 0.0.0.0; set --api-key, " +
      "make keys with shimmy keys init, or use --insecure",
  );
  using other = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = other.addr as Deno.NetAddr;
  assertEquals(
    await failure(["serve", "--port", "0", "--ollama", `:${port}`, "--in-process"], 1),
    `shimmy: Cannot listen on 127.0.0.1: port ${port} is in use`,
  );
});

Deno.test("serve refuses an address that it cannot use", async () => {
  assertEquals(
    await failure(["serve", "--bind", "no-such-host.invalid"], 2),
    "shimmy: --bind: cannot listen on 'no-such-host.invalid': the name cannot be resolved; " +
      "must be auto, ADDRESS or ADDRESS:PORT",
  );
  assertEquals(
    await failure(["serve", "--bind", "8080"], 2),
    "shimmy: --bind: must be auto, ADDRESS or ADDRESS:PORT, not '8080'",
  );
  assertEquals(
    await failure(["serve", "--bind", "203.0.113.1:1", "--insecure"], 1),
    "shimmy: Cannot listen on 203.0.113.1:1: this machine does not have the address",
  );
});

Deno.test("serve asks for the API key of a public address at the terminal", async () => {
  const refused = await shimmy(["serve", "--bind", "0.0.0.0:0"], { terminal: true, lines: [""] });
  assertEquals(refused.status, 2);
  assertStringIncludes(refused.environment.notes[0]!, "Other machines can reach 0.0.0.0.");
  const environment = new EnvironmentDouble({ terminal: true, lines: ["secret"] });
  const done = main(["serve", "--bind", "0.0.0.0:0", "--in-process"], environment);
  while (environment.out === "") await new Promise((resolve) => setTimeout(resolve, 5));
  const url = `http://127.0.0.1:${environment.out.trim().split(":").at(-1)}/v1/models`;
  const denied = await fetch(url);
  await denied.body?.cancel();
  const allowed = await fetch(url, { headers: { authorization: "Bearer secret" } });
  await allowed.body?.cancel();
  assertEquals([denied.status, allowed.status], [401, 200]);
  environment.interrupt();
  assertEquals(await done, 130);
});

Deno.test("serve ends with 130 after Ctrl-C and with 0 after SIGTERM", async () => {
  for (const [signal, status] of [["SIGINT", 130], ["SIGTERM", 0]] as const) {
    const environment = new EnvironmentDouble();
    const done = main(["serve", "--port", "0", "--in-process"], environment);
    while (environment.out === "") await new Promise((resolve) => setTimeout(resolve, 5));
    environment.interrupt(signal);
    assertEquals(await done, status);
    assertStringIncludes(
      environment.notes.join("\n"),
      "Finishing running requests for at most 30 s; press Ctrl-C again, or send a second signal",
    );
  }
});

Deno.test("serve does not start with a default model that it cannot use", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const missing = join(folder, "missing.gguf");
    assertMatch(
      await failure(["serve", "--model-path", missing], 1),
      /^shimmy: Cannot use the default model .*missing\.gguf: does not exist$/,
    );
    const broken = join(folder, "broken.gguf");
    await Deno.writeTextFile(broken, "no model");
    assertEquals(
      await failure(["serve"], 1, { env: { SHIMMY_BASE_GGUF: broken } }),
      `shimmy: Cannot use the default model ${broken}: not a GGUF file`,
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("serve does not start with a draft model that does not exist", async () => {
  assertEquals(
    await failure(["serve", "--port", "0", "--in-process", "--draft", "none-of-these"], 1),
    "shimmy: Cannot use the model of --draft: it was not found: none-of-these",
  );
});

Deno.test("serve warns of model directories that do not exist", async () => {
  const environment = new EnvironmentDouble();
  const args = [
    "serve",
    "--port",
    "0",
    "--in-process",
    "--model-dirs",
    `/no/such/folder;${Deno.cwd()}`,
  ];
  const done = main(args, environment);
  while (environment.out === "") await new Promise((resolve) => setTimeout(resolve, 5));
  environment.interrupt();
  await done;
  const warnings = environment.notes.filter((line) => line.startsWith("warn: --model-dirs"));
  assertEquals(warnings.length, 1);
  assertMatch(warnings[0]!, /no.such.folder does not exist$/);
});

Deno.test("serve logs its requests with SHIMMY_LOG=debug", async () => {
  const environment = new EnvironmentDouble({ env: { SHIMMY_LOG: "debug" } });
  const done = main(["serve", "--port", "0", "--in-process"], environment);
  while (environment.out === "") await new Promise((resolve) => setTimeout(resolve, 5));
  const response = await fetch(`http://${environment.out.trim()}/v1/completions`, {
    method: "POST",
    headers: { "x-request-id": "r-1" },
    body: JSON.stringify({ prompt: "Hi" }),
  });
  await response.body?.cancel();
  environment.interrupt();
  await done;
  const line = environment.notes.find((note) => note.includes(" debug: request "));
  assertMatch(
    line ?? "",
    /Z debug: request id="r-1" method="POST" path="\/v1\/completions" status=200 model="m" prompt_tokens=\d+ completion_tokens=2 duration_ms=\d+$/,
  );
});

Deno.test("an unknown level of SHIMMY_LOG is a usage error", async () => {
  assertEquals(
    await failure(["serve"], 2, { env: { SHIMMY_LOG: "loud" } }),
    "shimmy: SHIMMY_LOG: must be one of error, warn, info, debug, and json, not 'loud'",
  );
});

Deno.test("failures exit with 1 and one line", async () => {
  assertEquals(
    await failure(["generate", "n", "--prompt", "x"], 1),
    "shimmy: Model 'n' not found; available: m",
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

/** The text of a request's prompt. */
function promptOf({ engine }: EnvironmentDouble, index = 0): string {
  return engine.requests[index]!.prompt.map((part) => "text" in part ? part.text : "").join("");
}

Deno.test("a prompt may be an argument, an option or standard input", async () => {
  const asArgument = await shimmy(["generate", "m", "Why?"]);
  assertStringIncludes(promptOf(asArgument.environment), "Why?");
  const withOption = await shimmy(["generate", "-m", "m", "Why?"]);
  assertStringIncludes(promptOf(withOption.environment), "Why?");
  const short = await shimmy(["generate", "-m", "m", "-p", "Why?", "-n", "3"]);
  assertStringIncludes(promptOf(short.environment), "Why?");
  assertEquals(short.environment.engine.requests[0]!.maxTokens, 3);
  for (const args of [["m"], ["m", "-"], ["m", "--prompt", "-"], []]) {
    const { environment } = await shimmy(["generate", ...args], { lines: ["Why", "so?"] });
    assertStringIncludes(promptOf(environment), "Why\nso?");
  }
  // A prompt that is given leaves standard input alone.
  const given = await shimmy(["generate", "m", "Why?"], { lines: ["unused"] });
  assert(!promptOf(given.environment).includes("unused"));
  assertEquals(
    await failure(["generate", "m", "Why?", "--prompt", "x"], 2),
    "shimmy: generate: the prompt is given twice, as an argument and with --prompt",
  );
});

Deno.test("a terminal gets no control characters of a model, and a pipe gets all", async () => {
  const engine = { script: { tokens: ["a\x1b[31mb", "\x9b2Jc\n"] } };
  const keyboard = new KeyboardDouble();
  const shown = await shimmy(["generate", "m", "Why?"], { engine, keyboard });
  assertEquals(shown.environment.out, "a[31mb2Jc\n\n");
  const piped = await shimmy(["generate", "m", "Why?"], { engine });
  assertEquals(piped.environment.out, "a\x1b[31mb\x9b2Jc\n\n");
});

Deno.test("commands for one model take it from -m too", async () => {
  for (const command of ["probe", "plan"]) {
    assertEquals((await shimmy([command, "-m", "m"])).environment.requests[0]?.named, "m");
  }
  assertEquals(
    await failure(["plan", "a", "-m", "b"], 2),
    "shimmy: plan: two models are named, 'a' and 'b'",
  );
  const args = ["bench", "-m", "m", "-p", "8", "-n", "4", "--runs", "1", "--json"];
  const report = JSON.parse((await shimmy(args)).environment.out);
  assertEquals([report.prompt_tokens, report.completion_tokens], [8, 4]);
});

Deno.test("an empty prompt is a usage error", async () => {
  const message = "the prompt is empty; give it after NAME, with --prompt or on standard input";
  for (const args of [["--prompt", ""], ["m", ""], ["--prompt", "-"], [], ["--prompt", " \n"]]) {
    assertEquals(
      await failure(["generate", ...args], 2, { lines: ["", " "] }),
      `shimmy: generate: ${message}`,
    );
  }
  assertEquals(await failure(["run", "m", ""], 2), `shimmy: run: ${message}`);
});

Deno.test("run answers a prompt, and chats at the terminal without one", async () => {
  const answered = await shimmy(["run", "m", "Why?"], { terminal: true });
  assertEquals([answered.status, answered.environment.out], [0, "Hello world\n"]);
  const piped = await shimmy(["run", "m"], { lines: ["Why?"] });
  assertStringIncludes(promptOf(piped.environment), "Why?");
  const options = { terminal: true, lines: ["first", "second"] };
  const chatted = await shimmy(["run", "m", "--system", "Be brief"], options);
  assertEquals(chatted.status, 0);
  assertEquals(chatted.environment.engine.requests.length, 2);
  assertMatch(promptOf(chatted.environment, 1), /Be brief[^]*first[^]*second/);
  assertEquals(
    await failure(["run", "m", "--json"], 2, { terminal: true }),
    "shimmy: --json: needs a prompt",
  );
});

Deno.test("with --context-shift an answer has no limit but that of the model's configuration", async () => {
  const limits = async (args: string[], models?: ModelEntry[]) => {
    const { environment } = await shimmy(args, {
      lines: ["Hi"],
      ...(models === undefined ? {} : { models }),
    });
    return environment.engine.requests.map(({ maxTokens }) => maxTokens);
  };
  for (const command of ["generate", "chat"]) {
    assertEquals(await limits([command, "m"]), [null]);
    assertEquals(await limits([command, "m", "--context-shift"]), [Number.MAX_SAFE_INTEGER]);
    assertEquals(await limits([command, "m", "--context-shift", "-n", "9"]), [9]);
    const models = [entryDouble("m", { settings: { maxTokens: 5 } })];
    assertEquals(await limits([command, "m", "--context-shift"], models), [5]);
  }
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
  assertMatch(
    environment.out,
    /^memory: +full attention: a cached prompt is used up to any token$/m,
  );
  assertEquals(plan.memory, "attention");
});

Deno.test("show tells that a model reads images, and names its projector", async () => {
  const path = join(await Deno.makeTempDir(), "m.gguf");
  await Deno.writeFile(path, model(1));
  const entry = entryDouble("m", { paths: [path], projector: "/p/mmproj.gguf" });
  const environment = new EnvironmentDouble({ models: [entry] });
  assertEquals(await main(["show", "m"], environment), 0);
  assertMatch(environment.out, /^capabilities: +completion, tools, vision$/m);
  assertMatch(environment.out, /^projector: +\/p\/mmproj\.gguf$/m);
  await Deno.remove(dirname(path), { recursive: true });
});

Deno.test("show reports the planned placement with --placement", async () => {
  const path = join(await Deno.makeTempDir(), "m.gguf");
  await Deno.writeFile(path, model(1));
  const environment = new EnvironmentDouble({ models: [entryDouble("m", { paths: [path] })] });
  assertEquals(await main(["show", "m"], environment), 0);
  assert(!/^memory:|layers/m.test(environment.out), environment.out);
  assertEquals(await main(["show", "m", "--placement"], environment), 0);
  assertMatch(
    environment.out,
    /^CPU: +2 of 2 layers, 4 B of weights, 8 B of KV cache, 16 B of compute buffers$/m,
  );
  assertMatch(environment.out, /^memory: +full attention: /m);
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

Deno.test("runtime install --archive asks for llama.cpp's release archive", async () => {
  const folder = await Deno.makeTempDir();
  const asked: string[] = [];
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    (request) => {
      asked.push(new URL(request.url).pathname);
      return new Response("no", { status: 404 });
    },
  );
  const before = Deno.env.get("SHIMMY_RELEASE_BASE");
  Deno.env.set("SHIMMY_RELEASE_BASE", `http://127.0.0.1:${server.addr.port}`);
  try {
    const options = { env: { SHIMMY_CACHE_DIR: folder } };
    const { status } = await shimmy(["runtime", "install", "cpu", "--archive"], options);
    assertEquals(status, 1);
    const names = (releaseAssets(currentPlatform(), "cpu") ?? []).map(({ name }) => name);
    assertEquals(asked.map((path) => path.split("/").at(-1)), names.slice(0, 1));
    assertEquals(
      await failure(["runtime", "list", "--archive"], 2, options),
      "shimmy: --archive: applies only to runtime install",
    );
  } finally {
    if (before === undefined) Deno.env.delete("SHIMMY_RELEASE_BASE");
    else Deno.env.set("SHIMMY_RELEASE_BASE", before);
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

Deno.test("--quiet omits notes and progress, but prints errors and results", async () => {
  const discovery = {
    skipped: [{ path: "/m/bad.gguf", reason: "not a GGUF file", kind: "broken" as const }],
  };
  const environment = new EnvironmentDouble({ discovery, terminal: true });
  assertEquals(await main(["discover", "--quiet"], environment), 0);
  assertEquals([environment.notes, environment.output.showsProgress], [[], false]);
  assertEquals(await main(["show", "absent", "--quiet"], environment), 1);
  assertMatch(environment.notes.join("\n"), /^shimmy: .*absent.*$/);

  const chat = new EnvironmentDouble({ lines: ["/help", "/exit"], terminal: true });
  assertEquals(await main(["chat", "--quiet"], chat), 0);
  assertEquals(chat.notes.length, 1);
  assertStringIncludes(chat.notes[0]!, "/system");
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
  assertStringIncludes(readable, "; 2 runs\n");
  const once = (await shimmy([...args.slice(0, -1), "1"])).environment.out;
  assertStringIncludes(once, "; 1 run\n");
});

Deno.test("bench refuses an answer that does not fit into the context", async () => {
  assertStringIncludes(
    await failure(["bench", "m", "--max-tokens", "1024"], 1),
    "--max-tokens: must be less than the context of 1024 tokens",
  );
});

Deno.test("chat keeps the conversation, runs its commands and ends with the input", async () => {
  const { status, environment } = await shimmy(["chat", "m"], {
    lines: ["first \\", "question", "/nonsense", "/tokesn", "/help", "second", "/clear", "third"],
  });
  assertEquals(status, 0);
  assertEquals(environment.out, "Hello world\n".repeat(3));
  const prompts = environment.engine.requests.map((request) =>
    request.prompt.map((part) => "text" in part ? part.text : "").join("")
  );
  assertStringIncludes(prompts[0]!, "first \nquestion");
  assertMatch(prompts[1]!, /question[^]*Hello world[^]*second/);
  assert(!prompts[2]!.includes("second"));
  const notes = environment.notes.join("\n");
  assertStringIncludes(notes, "Unknown command /nonsense");
  assertMatch(notes, /Unknown command \/tokesn; did you mean \/tokens\?$/m);
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

Deno.test("in chat a second Ctrl-C at the prompt exits with 130", async () => {
  const environment: EnvironmentDouble = new EnvironmentDouble({ terminal: true });
  const waiting = Promise.withResolvers<string | null>();
  environment.input.line = () => {
    environment.interrupt();
    setTimeout(() => environment.interrupt(), 10);
    return waiting.promise;
  };
  assertEquals(await main(["chat", "m"], environment), 130);
  assertStringIncludes(environment.notes.join("\n"), "Press Ctrl-C again, or type /bye, to quit.");
  waiting.resolve(null);
});

Deno.test("a chat drops its oldest messages when the context is full, and says so once", async () => {
  const lines = [..."abcd"].map((letter) => letter.repeat(400));
  for (const shift of [[], ["--context-shift"]]) {
    const { environment } = await shimmy(["chat", "m", ...shift, "--system", "Be brief"], {
      lines,
    });
    assertEquals(environment.out, "Hello world\n".repeat(4));
    const last = promptOf(environment, environment.engine.requests.length - 1);
    assert(last.includes("Be brief") && last.includes("ddd") && !last.includes("aaa"), last);
    const told = environment.notes.filter((note) => note.includes("longer than the context"));
    assertEquals(told.length, 1);
  }
});

Deno.test("names with control characters are escaped", async () => {
  const name = "evil\x1b]0;title\x07\nname";
  const models = [entryDouble(name, { aliases: ["m"] })];
  const escaped = "evil\\x1b]0;title\\x07\\nname";
  for (const args of [["list"], ["list", "--short"], ["discover"]]) {
    const { environment } = await shimmy(args, { models });
    assertStringIncludes(environment.out, escaped);
    // deno-lint-ignore no-control-regex
    assert(!/[\x00-\x09\x0b-\x1f]/.test(environment.out));
  }
  const { environment } = await shimmy(["chat", "m"], { models });
  assertStringIncludes(environment.notes[0]!, escaped);
});

Deno.test("in chat a message that fails is reported and dropped", async () => {
  const { status, environment } = await shimmy(["chat", "m"], {
    lines: ["x".repeat(2000), "short"],
  });
  assertEquals(status, 0);
  assertStringIncludes(environment.notes.join("\n"), "the context holds 1024");
  assertEquals(environment.out, "Hello world\n");
});
