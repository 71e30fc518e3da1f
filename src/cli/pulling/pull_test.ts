import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { halted, HubDouble, sendBytes, sha256 } from "../../../tests/doubles/hub.ts";
import { entryDouble } from "../../../tests/doubles/pool.ts";
import { WorldDouble, type WorldDoubleOptions } from "../../../tests/doubles/world.ts";
import { model } from "../../../tests/models/machine.ts";
import type { PullPlan } from "../../models/pull/mod.ts";
import { main } from "../main.ts";
import { PullProgress } from "./pull_progress.ts";

const MAIN = fromFileUrl(new URL("../../../main.ts", import.meta.url));
const BYTES = model(1) as Uint8Array<ArrayBuffer>;

/** A machine that may pull `hf:o/r` and `ollama:tiny`. */
class Place implements AsyncDisposable {
  readonly hub = new HubDouble();
  readonly folder = Deno.realPathSync(Deno.makeTempDirSync());
  readonly env = this.hub.env(this.folder);

  constructor() {
    this.hub.repositories.set("o/r", { files: { "a-Q4_0.gguf": BYTES } });
    this.hub.models.set("library/tiny:latest", { layers: [{ kind: "model", bytes: BYTES }] });
  }

  /** Where the model of `hf:o/r` lies. */
  get path(): string {
    return join(this.folder, "hf/hub/models--o--r/snapshots", "1".repeat(40), "a-Q4_0.gguf");
  }

  async shimmy(args: string[], options: WorldDoubleOptions = {}) {
    const world = new WorldDouble({ env: this.env, ...options });
    const status = await main(args, world);
    assertEquals(world.listeners, 0, "a command goes on listening for signals");
    return { status, world };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.hub[Symbol.asyncDispose]();
    await Deno.remove(this.folder, { recursive: true });
  }
}

Deno.test("pull prints the name that the model then has, and tells what it did", async () => {
  await using place = new Place();
  const first = await place.shimmy(["pull", "hf:o/r"]);
  assertEquals([first.status, first.world.out], [0, "a-q4_0\n"]);
  assertMatch(first.world.notes.join("\n"), /^Pulling a-Q4_0\.gguf \(\d+ B\)$/);
  const again = await place.shimmy(["pull", "hf:o/r", "--json"]);
  assertEquals(JSON.parse(again.world.out), {
    reference: "hf:o/r",
    name: "a-q4_0",
    paths: [place.path],
    downloaded: false,
  });
  assertEquals(again.world.notes, ["hf:o/r is here already"]);
});

Deno.test("pull prints the name by which that very model is found where another has its file's", async () => {
  await using place = new Place();
  const models = [
    entryDouble("a-q4_0"),
    entryDouble("a-q4_0@r", { paths: [place.path] }),
  ];
  assertEquals((await place.shimmy(["pull", "hf:o/r"], { models })).world.out, "a-q4_0@r\n");
  const blob = join(place.folder, "ollama/blobs", `sha256-${sha256(BYTES)}`);
  const aliased = [entryDouble("other", { paths: [blob], aliases: ["tiny:latest"] })];
  const { world } = await place.shimmy(["pull", "ollama:tiny"], { models: aliased });
  assertEquals(world.out, "tiny:latest\n");
});

Deno.test("on a terminal a bar shows how far it is", async () => {
  await using place = new Place();
  const { world } = await place.shimmy(["pull", "ollama:tiny"], { terminal: true });
  assertEquals(world.out, "tiny:latest\n");
  assertMatch(world.progress.join("\n"), /^tiny:latest \[#{20}\] 100 % of \d+ B$/m);
  assertStringIncludes(world.progress.join("\n"), "Checking tiny:latest 100 %");
});

Deno.test("mistakes in what to pull end with what would be right", async () => {
  await using place = new Place();
  const { status, world } = await place.shimmy(["pull", "o/r"]);
  assertEquals(status, 1);
  assertMatch(world.notes[0]!, /^shimmy: Cannot pull 'o\/r': it must be hf:owner\/repo/);
  const wrong = await place.shimmy(["pull", "hf:o/r", "--sha256", "12"]);
  assertEquals(wrong.status, 2);
  assertEquals(wrong.world.notes, ["shimmy: --sha256: must be 64 hexadecimal digits"]);
  const unused = await place.shimmy(["pull", "hf:o/r", "--sha256", "0".repeat(64)]);
  assertEquals([unused.status, unused.world.out], [2, ""]);
  assertMatch(unused.world.notes[0]!, /^shimmy: --sha256: is for https: URLs/);
  const help = await place.shimmy(["pull", "--help"]);
  for (const form of ["hf:owner/repo:QUANT", "ollama:name[:tag]", "--connections"]) {
    assertStringIncludes(help.world.out, form);
  }
});

Deno.test("cancelling keeps what came and says how to go on", async () => {
  await using place = new Place();
  const world = new WorldDouble({ env: place.env });
  const stopped = Promise.withResolvers<void>();
  place.hub.interfere = (request) => {
    setTimeout(() => (world.stop(), stopped.resolve()), 50);
    return halted(sendBytes(request, BYTES), 100, stopped.promise);
  };
  assertEquals(await main(["pull", "hf:o/r"], world), 130);
  assertEquals(world.notes.at(-1), "What came of hf:o/r is kept; pull it again to go on");
  place.hub.interfere = () => null;
  assertEquals((await place.shimmy(["pull", "hf:o/r"])).status, 0);
  assertEquals(place.hub.fetched.at(-1)?.range, "bytes=100-");
});

Deno.test("generate pulls a reference first, when it is told to or the user agrees", async () => {
  await using place = new Place();
  const command = ["generate", "hf:o/r", "--prompt", "Hi"];
  const models = [entryDouble("a-q4_0", { paths: [place.path] })];
  const silent = await place.shimmy(command, { models });
  assertEquals(silent.status, 1);
  assertMatch(
    silent.world.notes[0]!,
    /^shimmy: hf:o\/r is not here: \d+ B from 127\.0\.0\.1:\d+; say --yes to pull it/,
  );
  const no = await place.shimmy(command, { models, terminal: true, lines: ["n"] });
  assertMatch(no.world.notes.join("\n"), /Pull it\? \[y\/N\]\nshimmy: hf:o\/r was not pulled$/);
  assertEquals(place.hub.fetched, []);
  const yes = await place.shimmy(command, { models, terminal: true, lines: ["y"] });
  assertEquals([yes.status, yes.world.out], [0, "Hello world\n"]);
  assertEquals(yes.world.requests[0]?.named, place.path);
  // Now it is here, so that nobody is asked and nothing is asked for.
  const asked = place.hub.asked.length;
  const here = await place.shimmy(command, { models });
  assertEquals([here.status, here.world.out], [0, "Hello world\n"]);
  assertEquals(place.hub.asked.length, asked);
});

Deno.test("every command about one model pulls a reference first, when it may", async () => {
  for (
    const [name, ...more] of [
      ["chat"],
      ["probe"],
      ["bench", "--prompt-tokens", "1", "--max-tokens", "2", "--runs", "1"],
      ["show"],
      ["plan"],
    ]
  ) {
    await using place = new Place();
    const command = [name!, "hf:o/r", ...more];
    const models = [entryDouble("a-q4_0", { paths: [place.path] })];
    const silent = await place.shimmy(command, { models });
    assertEquals(silent.status, 1);
    assertMatch(silent.world.notes[0]!, /hf:o\/r is not here.*; say --yes to pull it/);
    assertEquals([silent.world.requests, place.hub.fetched], [[], []]);
    const asked = await place.shimmy(command, { models, terminal: true, lines: ["y"] });
    assertEquals([asked.status, asked.world.requests[0]?.named], [0, place.path], name);
    assertEquals(place.hub.fetched.length, 1);
    await Deno.remove(join(place.folder, "hf"), { recursive: true });
    const told = await place.shimmy([...command, "--yes"], { models });
    assertEquals([told.status, told.world.requests[0]?.named], [0, place.path], name);
    const here = await place.shimmy(command, { models });
    assertEquals([here.status, place.hub.fetched.length], [0, 2], name);
  }
});

Deno.test("the model that drafts is pulled like the one that answers", async () => {
  for (const command of [["generate", "m", "--prompt", "Hi"], ["plan", "m"], ["serve"]]) {
    await using place = new Place();
    const full = [...command, ...command[0] === "serve" ? ["--port", "0", "--in-process"] : []];
    const silent = await place.shimmy([...full, "--draft", "hf:o/r"]);
    assertEquals([silent.status, silent.world.requests], [1, []]);
    assertMatch(silent.world.notes[0]!, /hf:o\/r is not here.*; say --yes to pull it/);
    for (const [draft, expected] of [["hf:o/r", place.path], ["ollama:tiny", "tiny:latest"]]) {
      const world = new WorldDouble({ env: place.env });
      const done = main([...full, "--draft", draft!, "--yes"], world);
      while (world.out === "") await new Promise((resolve) => setTimeout(resolve, 5));
      world.stop();
      assertEquals([await done, world.requests[0]?.globals.draft], [0, expected], command[0]);
    }
  }
});

Deno.test("a default model that the environment names by a reference is pulled by every command", async () => {
  for (
    const [reference, request] of [
      ["hf:o/r", (place: Place) => ({ base: place.path, preferred: undefined })],
      ["ollama:tiny", () => ({ base: undefined, preferred: "tiny:latest" })],
    ] as const
  ) {
    await using place = new Place();
    const env = { ...place.env, SHIMMY_BASE_GGUF: reference };
    const silent = await place.shimmy(["generate", "--prompt", "Hi"], { env });
    assertStringIncludes(silent.world.notes[0]!, "say --yes to pull it");
    const { status, world } = await place.shimmy(["generate", "--prompt", "Hi", "--yes"], { env });
    const { named, base, preferred } = world.requests[0]!;
    assertEquals([status, named, { base, preferred }], [0, undefined, request(place)]);
    // Whoever names another model does without it.
    await Deno.remove(place.folder, { recursive: true });
    const other = await place.shimmy(["generate", "m", "--prompt", "Hi"], { env });
    assertEquals([other.status, other.world.requests[0]?.base], [0, undefined]);
    await Deno.mkdir(place.folder);
  }
});

Deno.test("generate --yes pulls without asking, and a model of Ollama's goes by its name", async () => {
  await using place = new Place();
  const { status, world } = await place.shimmy(
    ["generate", "--name", "ollama:tiny", "--prompt", "Hi", "--yes"],
    { models: [entryDouble("tiny:latest")] },
  );
  assertEquals([status, world.requests[0]?.named], [0, "tiny:latest"]);
});

Deno.test("a prompt on stdin leaves nobody to be asked", async () => {
  await using place = new Place();
  const command = ["generate", "hf:o/r", "--prompt", "-"];
  const { status, world } = await place.shimmy(command, { terminal: true, lines: ["y"] });
  assertEquals(status, 1);
  assertStringIncludes(world.notes[0]!, "say --yes to pull it");
});

Deno.test("serve pulls its default model first", async () => {
  await using place = new Place();
  for (
    const [reference, request] of [
      ["hf:o/r", { base: place.path, preferred: undefined }],
      ["ollama:tiny", { base: undefined, preferred: "tiny:latest" }],
    ] as const
  ) {
    const command = ["serve", "--port", "0", "--in-process", "--model-path", reference];
    const silent = await place.shimmy(command);
    assertEquals(silent.status, 1);
    assertStringIncludes(silent.world.notes[0]!, "say --yes to pull it");
    const world = new WorldDouble({ env: place.env });
    const done = main([...command, "--yes"], world);
    while (world.out === "") await new Promise((resolve) => setTimeout(resolve, 5));
    world.stop();
    assertEquals(await done, 0);
    const { base, preferred } = world.requests[0]!;
    assertEquals({ base, preferred }, request);
  }
});

Deno.test("rm removes what was pulled, by reference or by name", async () => {
  await using place = new Place();
  for (const name of ["hf:o/r", "a-q4_0"]) {
    await place.shimmy(["pull", "hf:o/r"]);
    const models = [entryDouble("a-q4_0", { paths: [place.path], source: "huggingface" })];
    const { status, world } = await place.shimmy(["rm", name], { models });
    assertEquals(status, 0);
    assertMatch(world.out, /^Removed a-q4_0 \(\d+ B\)\n$/);
    assertEquals(await Deno.stat(place.path).catch(() => null), null);
  }
  const { status, world } = await place.shimmy(["rm", "hf:o/r"]);
  assertEquals([status, world.notes], [1, ["shimmy: Nothing was pulled from hf:o/r"]]);
});

Deno.test("rm asks before it removes what Shimmy did not pull", async () => {
  await using place = new Place();
  const path = join(place.folder, "mine.gguf");
  const models = [entryDouble("mine", { paths: [path] })];
  const there = () => Deno.stat(path).then(() => true, () => false);
  Deno.writeFileSync(path, BYTES);
  const silent = await place.shimmy(["rm", "mine"], { models });
  assertEquals(silent.status, 1);
  assertMatch(silent.world.notes[0]!, /mine was not pulled by Shimmy.*; say --yes to remove it/);
  const no = await place.shimmy(["rm", "mine"], { models, terminal: true, lines: [""] });
  assertEquals([no.status, await there()], [1, true]);
  const yes = await place.shimmy(["rm", "mine"], { models, terminal: true, lines: ["yes"] });
  assertEquals([yes.status, await there()], [0, false]);
  Deno.writeFileSync(path, BYTES);
  assertEquals((await place.shimmy(["rm", "mine", "--yes"], { models })).status, 0);
  assertEquals(await there(), false);
});

Deno.test("progress tells the rate and the time left, and without a terminal only now and then", () => {
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
      progress.see({ type: "file", file, progress: { phase: "receive", bytes, total } });
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

Deno.test("two processes that pull the same at once fetch it once", async () => {
  await using place = new Place();
  place.hub.interfere = async () => {
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    return null;
  };
  // Deno's own cache lies in the home folder.
  const { HOME: _, ...env } = place.env;
  const rights = ["read", "write", "net=127.0.0.1", "env", "sys"].map((one) => `--allow-${one}`);
  const runs = [1, 2].map(() =>
    new Deno.Command(Deno.execPath(), {
      args: ["run", ...rights, MAIN, "pull", "hf:o/r"],
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
  const waited = outputs.filter(({ stderr }) => text(stderr).includes("Somebody else"));
  assert(waited.length <= 1);
});
