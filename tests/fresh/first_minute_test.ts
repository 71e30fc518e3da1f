/**
 * The first command of the README in a fresh clone, with nothing in Deno's cache and Shimmy's.
 *
 *     deno task test:fresh
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { TextLineStream } from "@std/streams/text-line-stream";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** Lines on stderr before the server listens. */
const LINES = 12;
/** Bytes in Deno's cache and Shimmy's once a model has answered. */
const BYTES = 130e6;

const DEADLINE_MS = 240_000;

/** Runs a program to its end and returns what it printed. */
async function output(program: string, args: readonly string[], cwd: string): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, { args: [...args], cwd })
    .output();
  if (!success) throw new Error(`${program} ${args[0]}: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}

/** Why the test cannot run here, or `null`. */
async function obstacle(): Promise<string | null> {
  try {
    await output("git", ["rev-parse", "HEAD"], ROOT);
  } catch {
    return "it needs git and a checkout of the repository";
  }
  const scratch = await Deno.makeTempDir();
  try {
    // Through Deno: its proxy, certificates and registry are what counts.
    const env = { DENO_DIR: scratch };
    const { success } = await new Deno.Command(Deno.execPath(), {
      args: ["cache", "--quiet", "--no-config", "--no-lock", "npm:fflate@0.8.3"],
      env,
      cwd: scratch,
      stdout: "null",
      stderr: "null",
    }).output();
    return success ? null : "the npm registry is out of reach";
  } finally {
    await Deno.remove(scratch, { recursive: true });
  }
}

/** A clone of the checkout with its uncommitted changes. */
async function clone(to: string): Promise<void> {
  await output("git", ["clone", "--quiet", "--no-hardlinks", ROOT, to], ROOT);
  const changed = await output("git", ["diff", "HEAD", "--binary"], ROOT);
  if (changed !== "") {
    const patch = join(to, "..", "changes.patch");
    await Deno.writeTextFile(patch, changed);
    await output("git", ["apply", patch], to);
  }
  const added = await output("git", ["ls-files", "--others", "--exclude-standard"], ROOT);
  for (const path of added.split("\n").filter(Boolean)) {
    await Deno.mkdir(join(to, path, ".."), { recursive: true });
    await Deno.copyFile(join(ROOT, path), join(to, path));
  }
}

async function bytesIn(folder: string): Promise<number> {
  let bytes = 0;
  for await (const { name, isDirectory, isFile } of Deno.readDir(folder)) {
    const path = join(folder, name);
    if (isDirectory) bytes += await bytesIn(path);
    else if (isFile) bytes += (await Deno.stat(path)).size;
  }
  return bytes;
}

/** The names of the npm packages in Deno's cache. */
async function packagesIn(denoDir: string): Promise<string[]> {
  const names: string[] = [];
  for await (const registry of Deno.readDir(join(denoDir, "npm"))) {
    const folder = join(denoDir, "npm", registry.name);
    for await (const { name } of Deno.readDir(folder)) {
      if (!name.startsWith("@")) names.push(name);
      else {for await (const inner of Deno.readDir(join(folder, name))) {
          names.push(`${name}/${inner.name}`);
        }}
    }
  }
  return names.sort();
}

const reason = await obstacle();
if (reason !== null) console.log(`test:fresh is skipped: ${reason}`);

Deno.test({
  name: `a fresh clone serves after at most ${LINES} lines, with at most ${BYTES / 1e6} MB fetched`,
  ignore: reason !== null,
  fn: async () => {
    const folder = await Deno.makeTempDir({ prefix: "shimmy-fresh-" });
    await using _folder = {
      [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
    };
    const checkout = join(folder, "clone");
    await clone(checkout);
    const [denoDir, cacheDir] = [join(folder, "deno"), join(folder, "cache")];
    await Deno.mkdir(cacheDir);
    const before = await output("git", ["status", "--porcelain"], checkout);
    const child = new Deno.Command(Deno.execPath(), {
      args: ["task", "shimmy", "serve", "--bind", "127.0.0.1:0"],
      cwd: checkout,
      env: {
        DENO_DIR: denoDir,
        SHIMMY_CACHE_DIR: cacheDir,
        HOME: join(folder, "home"),
        NO_COLOR: "1",
      },
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    const lines: string[] = [];
    const timer = setTimeout(() => child.kill("SIGKILL"), DEADLINE_MS);
    const reader = child.stderr.pipeThrough(new TextDecoderStream())
      .pipeThrough(new TextLineStream()).getReader();
    const readUntil = async (text: string): Promise<string> => {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) throw new Error(`The server ended before '${text}':\n${lines.join("\n")}`);
        lines.push(value);
        if (value.includes(text)) return value;
      }
    };
    try {
      const listens = await readUntil("listens on");
      const head = lines.slice(0, -1);
      console.log(`${head.length} lines before the server listens:\n${head.join("\n")}`);
      assert(head.length <= LINES, `${head.length} lines`);
      assertEquals(head.filter((line) => /ajv|openai|langchain|ai-sdk|ollama/i.test(line)), []);

      const [url] = /http:\S+/.exec(listens)!;
      const answer = await fetch(`${url}/api/generate`, {
        method: "POST",
        body: JSON.stringify({ prompt: "What is the capital of France?", temperature: 0 }),
      });
      assertStringIncludes((await answer.json()).response, "Paris");

      const [inDeno, inCache] = [await bytesIn(denoDir), await bytesIn(cacheDir)];
      const packages = await packagesIn(denoDir);
      console.log(
        `${(inDeno / 1e6).toFixed(1)} MB in Deno's cache and ${(inCache / 1e6).toFixed(1)} MB in ` +
          `Shimmy's; packages: ${packages.join(", ")}`,
      );
      assert(inDeno + inCache <= BYTES);
      const { npm } = JSON.parse(await Deno.readTextFile(join(ROOT, "deno.lock")));
      const ours = Object.keys(npm).map((id) => /^@?[^@]+/.exec(id)![0]);
      assertEquals(
        packages.filter((name) => !ours.includes(name) && !name.startsWith("@node-llama-cpp/")),
        [],
      );
      // Neither a lock file nor anything else is written into the clone.
      assertEquals(await output("git", ["status", "--porcelain"], checkout), before);
    } finally {
      child.kill("SIGINT");
      await reader.cancel();
      await child.status;
      clearTimeout(timer);
    }
  },
});
