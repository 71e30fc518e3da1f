/** `launch` with executables on PATH that record how they were started. */
import {
  assert,
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertStringIncludes,
} from "@std/assert";
import { join } from "node:path";
import { EnvironmentDouble } from "../../../tests/doubles/environment.ts";
import { entryDouble } from "../../../tests/doubles/pool.ts";
import { main } from "../main.ts";

/** The executables are shell scripts. */
const ignore = Deno.build.os === "windows";

/** What a client records: its arguments, its environment, and the model list that its server answers. */
interface Recorded {
  readonly args: string[];
  readonly env: Record<string, string>;
  readonly models: string[] | null;
  /** Texts of the files that variables and arguments name. */
  readonly files: Record<string, string>;
}

/** The program of a client: it asks the server that it was given for its models. */
const PROGRAM = `
const [record, status, ...args] = Deno.args;
const env = Deno.env.toObject();
const given = Object.values(env).concat(args).join(" ");
const url = given.match(/http:\\/\\/127\\.0\\.0\\.1:\\d+/)?.[0];
const headers = { authorization: "Bearer " + (env.SHIMMY_API_KEY ?? env.OPENAI_API_KEY) };
const models = url && await fetch(url + "/v1/models", { headers }).then((response) => response.json());
const files = {};
for (const path of given.match(/[^ ,"]*shimmy-launch-[^ ,"]+/g) ?? []) {
  files[path] = Deno.readTextFileSync(path);
}
Deno.writeTextFileSync(record, JSON.stringify({
  args, env, files, models: models?.data?.map(({ id }) => id) ?? null,
}));
Deno.exit(Number(status));
`;

/** A folder of PATH with a client that ends with a status. */
async function installed(executable: string, status = 0) {
  const folder = await Deno.makeTempDir();
  const record = join(folder, "record.json");
  await Deno.writeTextFile(join(folder, "program.js"), PROGRAM);
  const words = [
    Deno.execPath(),
    "run",
    "-A",
    "--quiet",
    join(folder, "program.js"),
    record,
    status,
  ];
  const script = `#!/bin/sh\nexec ${words.map((word) => `'${word}'`).join(" ")} "$@"\n`;
  await Deno.writeTextFile(join(folder, executable), script, { mode: 0o755 });
  return {
    folder,
    recorded: async () => JSON.parse(await Deno.readTextFile(record)) as Recorded,
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}

/** A server with one model. */
async function serving(args: string[] = []) {
  const server = new EnvironmentDouble({ models: [entryDouble("m", { contextLength: 65_536 })] });
  const done = main(["serve", "--port", "0", "--in-process", ...args], server);
  let isDone = false;
  done.finally(() => isDone = true);
  while (server.out === "") {
    assert(!isDone, server.notes.join("\n"));
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return {
    host: server.out.trim(),
    [Symbol.asyncDispose]: async () => {
      server.interrupt("SIGTERM");
      await done;
    },
  };
}

async function launch(args: string[], env: Record<string, string>) {
  const environment = new EnvironmentDouble({ env, models: [entryDouble("own")] });
  const status = await main(["launch", ...args], environment);
  return { status, out: environment.out, notes: environment.notes, environment };
}

Deno.test({
  name: "a client starts with its settings against a running server, and its status is launch's",
  ignore,
  async fn() {
    await using server = await serving();
    await using client = await installed("aider", 7);
    const { status, notes } = await launch(
      ["aider", "--", "--message", "a b", "--help"],
      { PATH: client.folder, SHIMMY_HOST: server.host },
    );
    assertEquals(status, 7);
    const { args, env, models, files } = await client.recorded();
    assertEquals(args, ["--message", "a b", "--help"]);
    assertEquals(models, ["m"]);
    assertEquals(env.OPENAI_API_BASE, `http://${server.host}/v1`);
    assertEquals([env.OPENAI_API_KEY, env.AIDER_MODEL], ["none", "openai/m"]);
    const path = env.AIDER_MODEL_METADATA_FILE!;
    assertEquals(Object.keys(JSON.parse(files[path]!)), ["openai/m"]);
    assertEquals(await Deno.stat(path).catch(() => "removed"), "removed");
    assertMatch(notes[0]!, /^Server http:\/\/127\.0\.0\.1:\d+, model m, context \d[\d,]* tokens$/);
    assertEquals(notes.includes("Variable AIDER_MODEL=openai/m"), true);
    assertEquals(notes.includes(`Settings file ${path}`), true);
  },
});

Deno.test({
  name: "without a running server, launch starts one that ends with the client",
  ignore,
  async fn() {
    await using client = await installed("codex");
    const free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const host = `127.0.0.1:${free.addr.port}`;
    free.close();
    const { status, notes, environment } = await launch(
      ["codex", "--host", host, "--parallel", "3", "--ctx", "32768"],
      { PATH: client.folder },
    );
    assertEquals(status, 0);
    assertEquals((await client.recorded()).models, ["own"]);
    assertStringIncludes(notes.join("\n"), "Started a server, which ends with Codex CLI");
    // The server has the options of launch.
    const [request] = environment.requests;
    assertEquals([request!.parallel, request!.globals.ctx], [3, 32_768]);
    assertEquals(environment.listeners, 0);
    const again = await fetch(`http://${host}/health`).then(() => "answers", () => "ended");
    assertEquals(again, "ended");
  },
});

Deno.test({
  name: "the API key reaches the client and its server, and no output",
  ignore,
  async fn() {
    await using server = await serving(["--api-key", "s3cret"]);
    await using client = await installed("codex");
    const env = { PATH: client.folder, SHIMMY_HOST: server.host, SHIMMY_API_KEY: "s3cret" };
    const started = await launch(["codex"], env);
    assertEquals(started.status, 0);
    const { env: given, models, args } = await client.recorded();
    assertEquals([given.SHIMMY_API_KEY, models], ["s3cret", ["m"]]);
    const printed = await launch(["codex", "--print"], env);
    assertStringIncludes(printed.out, "env_key");
    for (const text of [started.notes.join(), printed.out, printed.notes.join(), args.join()]) {
      assertEquals(text.includes("s3cret"), false, text);
    }
    const refused = await launch(["codex"], { ...env, SHIMMY_API_KEY: "" });
    assertEquals(refused.status, 1);
    assertStringIncludes(refused.notes[0]!, "it requires an API key");
  },
});

Deno.test({
  name: "a shell that evaluates the output of --print starts the client as launch does",
  ignore,
  async fn() {
    await using server = await serving(["--api-key", "it's$HOME"]);
    await using client = await installed("qwen");
    await using cache = await installed("unused");
    const env = {
      PATH: client.folder,
      SHIMMY_HOST: server.host,
      SHIMMY_API_KEY: "it's$HOME",
      SHIMMY_CACHE_DIR: cache.folder,
    };
    await launch(["qwen", "--", "-p", "it's"], env);
    const started = await client.recorded();
    const { status, out } = await launch(["qwen", "--print", "--", "-p", "it's"], env);
    assertEquals(status, 0);
    const shell = new Deno.Command("sh", {
      args: ["-c", 'eval "$1"', "sh", out],
      env: { PATH: `${client.folder}:${Deno.env.get("PATH")}`, SHIMMY_API_KEY: "it's$HOME" },
    });
    assertEquals((await shell.output()).code, 0);
    const evaluated = await client.recorded();
    // `eval` hands the argument of the shell, the script itself, on to the client.
    assertEquals(evaluated.args.slice(0, -1), started.args);
    for (const name of ["OPENAI_BASE_URL", "OPENAI_API_KEY", "OPENAI_MODEL"]) {
      assertEquals(evaluated.env[name], started.env[name], name);
    }
    assertEquals(started.env.OPENAI_API_KEY, "it's$HOME");
    const path = evaluated.env.QWEN_CODE_SYSTEM_DEFAULTS_PATH!;
    assertNotEquals(path, started.env.QWEN_CODE_SYSTEM_DEFAULTS_PATH);
    assertEquals(
      await Deno.readTextFile(path),
      started.files[started.env.QWEN_CODE_SYSTEM_DEFAULTS_PATH!],
    );
  },
});

Deno.test({
  name: "a small context and options without effect are warnings",
  ignore,
  async fn() {
    await using server = await serving();
    await using client = await installed("claude");
    const { status, notes } = await launch(
      ["claude", "--ctx", "9000", "--kv-type", "q8_0"],
      { PATH: client.folder, SHIMMY_HOST: server.host },
    );
    assertEquals(status, 0);
    assertEquals(
      notes[0],
      `warning: --ctx, --kv-type: no effect on the running server at http://${server.host}`,
    );
    assertMatch(notes.at(-1)!, /^warning: the context of m has .*; start the server with --ctx/);
  },
});

Deno.test("launch says what is missing", async () => {
  const unknown = await launch(["codx"], {});
  assertEquals(unknown.status, 2);
  assertStringIncludes(unknown.notes[0]!, "not 'codx'; did you mean 'codex'?");
  const missing = await launch(["continue"], { PATH: "/nowhere" });
  assertEquals([missing.status, missing.notes], [1, [
    "shimmy: Continue is not installed: PATH has no 'cn'; install it with: " +
    "npm install -g @continuedev/cli",
  ]]);
  const socket = await launch(["codex", "--print", "--host", "unix:/tmp/socket"], {});
  assertEquals([socket.status, socket.notes], [2, [
    "shimmy: --host: clients need HOST, HOST:PORT or a URL, not 'unix:/tmp/socket'",
  ]]);
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const host = `127.0.0.1:${listener.addr.port}`;
  listener.close();
  const printed = await launch(["codex", "--print", "--host", host], {});
  assertEquals([printed.status, printed.notes], [1, [
    `shimmy: No server answers at http://${host}; start one with shimmy serve, or set --host`,
  ]]);
});
