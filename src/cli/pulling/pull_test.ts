import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { dirname, join } from "node:path";
import { halted, HubDouble, sendBytes, sha256 } from "../../../tests/doubles/hub.ts";
import { entryDouble } from "../../../tests/doubles/pool.ts";
import {
  EnvironmentDouble,
  type EnvironmentDoubleOptions,
} from "../../../tests/doubles/environment.ts";
import { model } from "../../../tests/models/machine.ts";
import { projectorFile } from "../../../tests/models/projector.ts";
import { LOCK, MAIN } from "../../../tests/support/source.ts";
import type { PullPlan } from "../../models/pull/mod.ts";
import { main } from "../main.ts";
import { PullProgress } from "./pull_progress.ts";

const BYTES = model(1) as Uint8Array<ArrayBuffer>;

/** A machine that can pull `hf:o/r` and `ollama:tiny`. */
class PullFixture implements AsyncDisposable {
  readonly hub = new HubDouble();
  readonly folder = Deno.realPathSync(Deno.makeTempDirSync());
  readonly env = this.hub.env(this.folder);

  constructor() {
    this.hub.repositories.set("o/r", { files: { "a-Q4_0.gguf": BYTES } });
    this.hub.models.set("library/tiny:latest", { layers: [{ kind: "model", bytes: BYTES }] });
  }

  /** The path of the model of `hf:o/r`. */
  get path(): string {
    return join(this.folder, "hf/hub/models--o--r/snapshots", "1".repeat(40), "a-Q4_0.gguf");
  }

  async shimmy(args: string[], options: EnvironmentDoubleOptions = {}) {
    const environment = new EnvironmentDouble({ env: this.env, ...options });
    const status = await main(args, environment);
    assertEquals(environment.listeners, 0, "an interrupt handler is left");
    return { status, environment };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.hub[Symbol.asyncDispose]();
    await Deno.remove(this.folder, { recursive: true });
  }
}

Deno.test("pull prints the name of the model and reports the download", async () => {
  await using place = new PullFixture();
  const first = await place.shimmy(["pull", "hf:o/r"]);
  assertEquals([first.status, first.environment.out], [0, "a-q4_0\n"]);
  assertMatch(first.environment.notes.join("\n"), /^Pulling a-Q4_0\.gguf \(\d+ B\)$/);
  const again = await place.shimmy(["pull", "hf:o/r", "--json"]);
  assertEquals(JSON.parse(again.environment.out), {
    reference: "hf:o/r",
    name: "a-q4_0",
    paths: [place.path],
    downloaded: false,
  });
  assertEquals(again.environment.notes, ["hf:o/r is already downloaded"]);
});

Deno.test("pull prints the name of the pulled model when another model has the name of its file", async () => {
  await using place = new PullFixture();
  const models = [
    entryDouble("a-q4_0"),
    entryDouble("a-q4_0@r", { paths: [place.path] }),
  ];
  assertEquals((await place.shimmy(["pull", "hf:o/r"], { models })).environment.out, "a-q4_0@r\n");
  const blob = join(place.folder, "ollama/blobs", `sha256-${sha256(BYTES)}`);
  const aliased = [entryDouble("other", { paths: [blob], aliases: ["tiny:latest"] })];
  const { environment } = await place.shimmy(["pull", "ollama:tiny"], { models: aliased });
  assertEquals(environment.out, "tiny:latest\n");
});

Deno.test("pull brings the projector of the repository, unless --no-mmproj is given", async () => {
  await using fixture = new PullFixture();
  const files = { "a-Q4_0.gguf": BYTES, "mmproj-F16.gguf": projectorFile() };
  fixture.hub.repositories.set("o/r", { files });
  const pulled = async (...args: string[]) => {
    assertEquals((await fixture.shimmy(["pull", "hf:o/r", ...args])).status, 0);
    return [...Deno.readDirSync(dirname(fixture.path))].map(({ name }) => name).sort();
  };
  assertEquals(await pulled("--no-mmproj"), ["a-Q4_0.gguf"]);
  assertEquals(await pulled(), ["a-Q4_0.gguf", "mmproj-F16.gguf"]);
});

Deno.test("a terminal shows a progress bar", async () => {
  await using place = new PullFixture();
  const { environment } = await place.shimmy(["pull", "ollama:tiny"], { terminal: true });
  assertEquals(environment.out, "tiny:latest\n");
  assertMatch(environment.progress.join("\n"), /^tiny:latest \[#{20}\] 100 % of \d+ B$/m);
  assertStringIncludes(environment.progress.join("\n"), "Checking tiny:latest 100 %");
});

Deno.test("an invalid reference or checksum names the valid forms", async () => {
  await using place = new PullFixture();
  const { status, environment } = await place.shimmy(["pull", "o/r"]);
  assertEquals(status, 2);
  assertMatch(environment.notes[0]!, /^shimmy: Cannot pull 'o\/r': it must be hf:owner\/repo/);
  const wrong = await place.shimmy(["pull", "hf:o/r", "--sha256", "12"]);
  assertEquals(wrong.status, 2);
  assertEquals(wrong.environment.notes, ["shimmy: --sha256: must be 64 hexadecimal digits"]);
  const unused = await place.shimmy(["pull", "hf:o/r", "--sha256", "0".repeat(64)]);
  assertEquals([unused.status, unused.environment.out], [2, ""]);
  assertMatch(unused.environment.notes[0]!, /^shimmy: --sha256: applies only to https: URLs/);
  const help = await place.shimmy(["pull", "--help"]);
  for (const form of ["hf:owner/repo:QUANT", "ollama:name[:tag]", "--connections"]) {
    assertStringIncludes(help.environment.out, form);
  }
});

Deno.test("a cancelled pull keeps the downloaded part and says how to continue", async () => {
  await using place = new PullFixture();
  const environment = new EnvironmentDouble({ env: place.env });
  const stopped = Promise.withResolvers<void>();
  place.hub.interfere = (request) => {
    setTimeout(() => (environment.interrupt(), stopped.resolve()), 50);
    return halted(sendBytes(request, BYTES), 100, stopped.promise);
  };
  assertEquals(await main(["pull", "hf:o/r"], environment), 130);
  assertEquals(
    environment.notes.at(-1),
    "The downloaded part of hf:o/r is kept; pull again to continue",
  );
  place.hub.interfere = () => null;
  assertEquals((await place.shimmy(["pull", "hf:o/r"])).status, 0);
  assertEquals(place.hub.fetched.at(-1)?.range, "bytes=100-");
});

Deno.test("generate pulls a reference first, with --yes or after confirmation", async () => {
  await using place = new PullFixture();
  const command = ["generate", "hf:o/r", "--prompt", "Hi"];
  const models = [entryDouble("a-q4_0", { paths: [place.path] })];
  const silent = await place.shimmy(command, { models });
  assertEquals(silent.status, 1);
  assertMatch(
    silent.environment.notes[0]!,
    /^shimmy: hf:o\/r is not downloaded: \d+ B from 127\.0\.0\.1:\d+; use --yes or shimmy pull/,
  );
  const no = await place.shimmy(command, { models, terminal: true, lines: ["n"] });
  assertMatch(
    no.environment.notes.join("\n"),
    /Pull it\? \[y\/N\]\nshimmy: hf:o\/r was not pulled$/,
  );
  assertEquals(place.hub.fetched, []);
  const yes = await place.shimmy(command, { models, terminal: true, lines: ["y"] });
  assertEquals([yes.status, yes.environment.out], [0, "Hello world\n"]);
  assertEquals(yes.environment.requests[0]?.named, place.path);
  // The model is downloaded now: no question and no request.
  const asked = place.hub.asked.length;
  const here = await place.shimmy(command, { models });
  assertEquals([here.status, here.environment.out], [0, "Hello world\n"]);
  assertEquals(place.hub.asked.length, asked);
});

Deno.test("every command for one model pulls a reference first, if allowed", async () => {
  for (
    const [name, ...more] of [
      ["chat"],
      ["probe"],
      ["bench", "--prompt-tokens", "1", "--max-tokens", "2", "--runs", "1"],
      ["show"],
      ["plan"],
    ]
  ) {
    await using place = new PullFixture();
    const command = [name!, "hf:o/r", ...more];
    const models = [entryDouble("a-q4_0", { paths: [place.path] })];
    const silent = await place.shimmy(command, { models });
    assertEquals(silent.status, 1);
    assertMatch(
      silent.environment.notes[0]!,
      /hf:o\/r is not downloaded.*; use --yes or shimmy pull/,
    );
    assertEquals([silent.environment.requests, place.hub.fetched], [[], []]);
    const asked = await place.shimmy(command, { models, terminal: true, lines: ["y"] });
    assertEquals([asked.status, asked.environment.requests[0]?.named], [0, place.path], name);
    assertEquals(place.hub.fetched.length, 1);
    await Deno.remove(join(place.folder, "hf"), { recursive: true });
    const told = await place.shimmy([...command, "--yes"], { models });
    assertEquals([told.status, told.environment.requests[0]?.named], [0, place.path], name);
    const here = await place.shimmy(command, { models });
    assertEquals([here.status, place.hub.fetched.length], [0, 2], name);
  }
});

Deno.test("a draft model is pulled like the model", async () => {
  for (const command of [["generate", "m", "--prompt", "Hi"], ["plan", "m"], ["serve"]]) {
    await using place = new PullFixture();
    const full = [...command, ...command[0] === "serve" ? ["--port", "0", "--in-process"] : []];
    const silent = await place.shimmy([...full, "--draft", "hf:o/r"]);
    assertEquals([silent.status, silent.environment.requests], [1, []]);
    assertMatch(
      silent.environment.notes[0]!,
      /hf:o\/r is not downloaded.*; use --yes or shimmy pull/,
    );
    for (const [draft, expected] of [["hf:o/r", place.path], ["ollama:tiny", "tiny:latest"]]) {
      const models = [entryDouble("m"), entryDouble("tiny:latest")];
      const environment = new EnvironmentDouble({ env: place.env, models });
      const done = main([...full, "--draft", draft!, "--yes"], environment);
      while (environment.out === "" && environment.notes.length < 10) {
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      environment.interrupt("SIGTERM");
      assertEquals([await done, environment.requests[0]?.globals.draft], [0, expected], command[0]);
    }
  }
});

Deno.test("a reference to the default model in the environment is pulled by every command", async () => {
  for (
    const [reference, request] of [
      ["hf:o/r", (place: PullFixture) => ({ base: place.path, preferred: undefined })],
      ["ollama:tiny", () => ({ base: undefined, preferred: "tiny:latest" })],
    ] as const
  ) {
    await using place = new PullFixture();
    const env = { ...place.env, SHIMMY_BASE_GGUF: reference };
    const silent = await place.shimmy(["generate", "--prompt", "Hi"], { env });
    assertStringIncludes(silent.environment.notes[0]!, "use --yes or shimmy pull");
    const { status, environment } = await place.shimmy(["generate", "--prompt", "Hi", "--yes"], {
      env,
    });
    const { named, base, preferred } = environment.requests[0]!;
    assertEquals([status, named, { base, preferred }], [0, undefined, request(place)]);
    // A command for another model does not pull it.
    await Deno.remove(place.folder, { recursive: true });
    const other = await place.shimmy(["generate", "m", "--prompt", "Hi"], { env });
    assertEquals([other.status, other.environment.requests[0]?.base], [0, undefined]);
    await Deno.mkdir(place.folder);
  }
});

Deno.test("generate --yes pulls without asking, and an Ollama model is selected by name", async () => {
  await using place = new PullFixture();
  const { status, environment } = await place.shimmy(
    ["generate", "--name", "ollama:tiny", "--prompt", "Hi", "--yes"],
    { models: [entryDouble("tiny:latest")] },
  );
  assertEquals([status, environment.requests[0]?.named], [0, "tiny:latest"]);
});

Deno.test("with the prompt on stdin the user is not asked", async () => {
  await using place = new PullFixture();
  const command = ["generate", "hf:o/r", "--prompt", "-"];
  const { status, environment } = await place.shimmy(command, { terminal: true, lines: ["y"] });
  assertEquals(status, 1);
  assertStringIncludes(environment.notes[0]!, "use --yes or shimmy pull");
});

Deno.test("serve pulls its default model first", async () => {
  await using place = new PullFixture();
  for (
    const [reference, request] of [
      ["hf:o/r", { base: place.path, preferred: undefined }],
      ["ollama:tiny", { base: undefined, preferred: "tiny:latest" }],
    ] as const
  ) {
    const command = ["serve", "--port", "0", "--in-process", "--model-path", reference];
    const silent = await place.shimmy(command);
    assertEquals(silent.status, 1);
    assertStringIncludes(silent.environment.notes[0]!, "use --yes or shimmy pull");
    const environment = new EnvironmentDouble({ env: place.env });
    const done = main([...command, "--yes"], environment);
    while (environment.out === "") await new Promise((resolve) => setTimeout(resolve, 5));
    environment.interrupt("SIGTERM");
    assertEquals(await done, 0);
    const { base, preferred } = environment.requests[0]!;
    assertEquals({ base, preferred }, request);
  }
});

Deno.test("rm removes a pulled model, by reference or by name", async () => {
  await using place = new PullFixture();
  for (const name of ["hf:o/r", "a-q4_0"]) {
    await place.shimmy(["pull", "hf:o/r"]);
    const models = [entryDouble("a-q4_0", { paths: [place.path], source: "huggingface" })];
    const { status, environment } = await place.shimmy(["rm", name], { models });
    assertEquals(status, 0);
    assertMatch(environment.out, /^Removed a-q4_0 \(\d+ B\)\n$/);
    assertEquals(await Deno.stat(place.path).catch(() => null), null);
  }
  const { status, environment } = await place.shimmy(["rm", "hf:o/r"]);
  assertEquals([status, environment.notes], [1, ["shimmy: No model was pulled from hf:o/r"]]);
});

Deno.test("rm asks before it removes a model that Shimmy did not pull", async () => {
  await using place = new PullFixture();
  const path = join(place.folder, "mine.gguf");
  const models = [entryDouble("mine", { paths: [path] })];
  const there = () => Deno.stat(path).then(() => true, () => false);
  Deno.writeFileSync(path, BYTES);
  const silent = await place.shimmy(["rm", "mine"], { models });
  assertEquals(silent.status, 1);
  assertMatch(
    silent.environment.notes[0]!,
    /mine was not pulled by Shimmy.*; use --yes to remove it/,
  );
  const no = await place.shimmy(["rm", "mine"], { models, terminal: true, lines: [""] });
  assertEquals([no.status, await there()], [1, true]);
  const yes = await place.shimmy(["rm", "mine"], { models, terminal: true, lines: ["yes"] });
  assertEquals([yes.status, await there()], [0, false]);
  Deno.writeFileSync(path, BYTES);
  assertEquals((await place.shimmy(["rm", "mine", "--yes"], { models })).status, 0);
  assertEquals(await there(), false);
});

Deno.test("progress shows the rate and the remaining time, and without a terminal rare lines", () => {
  const file = { name: "model.gguf" } as PullPlan["files"][number];
  const plan = { reference: "hf:o/r", files: [{ present: false }] } as unknown as PullPlan;
  for (const showsProgress of [true, false]) {
    const bars: string[] = [];
    const lines: string[] = [];
    let now = 0;
    const output = { showsProgress, progress: (line: string | null) => void bars.push(line!) };
    const progress = new PullProgress(plan, output, (line) => lines.push(line), () => now);
    const total = 200 * 1024 ** 2;
    for (let second = 0; second <= 20; second++) {
      now = second * 1000;
      const bytes = second * 10 * 1024 ** 2;
      progress.update({ type: "file", file, progress: { phase: "receive", bytes, total } });
    }
    const half = "50 % of 200 MiB, 10 MiB/s, 0:10 left";
    assertEquals(lines[0], "Pulling model.gguf (200 MiB)");
    if (showsProgress) {
      assertEquals(lines.length, 1);
      assertEquals(bars[10], `model.gguf [##########..........] ${half}`);
    } else {
      assertEquals(bars, []);
      assertEquals(lines.slice(1).map((line) => line.split(",")[0]), [
        "model.gguf 50 % of 200 MiB",
        "model.gguf 100 % of 200 MiB",
      ]);
      assertStringIncludes(lines[1]!, half);
    }
  }
});

Deno.test("two processes that pull the same model at once download it once", async () => {
  await using place = new PullFixture();
  place.hub.interfere = async () => {
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    return null;
  };
  // Deno's own cache lies in the home folder.
  const { HOME: _, ...env } = place.env;
  const rights = ["read", "write", "net=127.0.0.1", "env", "sys"].map((one) => `--allow-${one}`);
  const runs = [1, 2].map(() =>
    new Deno.Command(Deno.execPath(), {
      args: ["run", LOCK, ...rights, MAIN, "pull", "hf:o/r"],
      env,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).output()
  );
  const outputs = await Promise.all(runs);
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  for (const { code, stdout, stderr } of outputs) {
    assertEquals([code, text(stdout).trim()], [0, "a-q4_0"], text(stderr));
  }
  assertEquals(place.hub.fetched.length, 1);
  assertEquals(sha256(Deno.readFileSync(place.path)), sha256(BYTES));
  const waited = outputs.filter(({ stderr }) => text(stderr).includes("Another process"));
  assert(waited.length <= 1);
});
