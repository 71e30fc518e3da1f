/** Commands with a running server, and without one. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import {
  EnvironmentDouble,
  type EnvironmentDoubleOptions,
} from "../../../tests/doubles/environment.ts";
import { entryDouble } from "../../../tests/doubles/pool.ts";
import { main } from "../main.ts";

/** A server with the models `m` and `other`, and commands on a machine of their own. */
async function serving(args: string[] = [], options: EnvironmentDoubleOptions = {}) {
  const models = [entryDouble("m"), entryDouble("other")];
  const server = new EnvironmentDouble({ models, ...options });
  const done = main(["serve", "--port", "0", "--in-process", ...args], server);
  while (server.out === "") await new Promise((resolve) => setTimeout(resolve, 5));
  const host = server.out.trim();
  return {
    host,
    server,
    /** @param isNamed Whether SHIMMY_HOST names the server, or it is at the default address. */
    run: async (
      command: string[],
      isNamed: boolean,
      { env = {}, ...more }: EnvironmentDoubleOptions = {},
    ) => {
      const environment = new EnvironmentDouble({
        ...(isNamed ? {} : { defaultServer: host }),
        ...more,
        env: { ...(isNamed ? { SHIMMY_HOST: host } : {}), ...env },
      });
      const status = await main(command, environment);
      return { status, environment, said: environment.notes.join("\n") };
    },
    [Symbol.asyncDispose]: async () => {
      server.interrupt("SIGTERM");
      await done;
    },
  };
}

Deno.test("generate and list use the server that answers, and say so", async () => {
  await using on = await serving();
  for (const isNamed of [true, false]) {
    const { status, environment, said } = await on.run(["generate", "m", "Why?"], isNamed);
    assertEquals([status, environment.out], [0, "Hello world\n"], said);
    assertStringIncludes(said, `The server at http://${on.host} answers`);
    assertEquals(environment.requests, []);
    const listed = await on.run(["list"], isNamed);
    assertMatch(listed.environment.out, /^NAME .*STATE\nm +.*loaded\nother +.*unloaded\n$/);
    const short = await on.run(["list", "--short"], isNamed);
    assertEquals(short.environment.out, "m\nother\n");
    assertEquals(JSON.parse((await on.run(["list", "--json"], isNamed)).environment.out).length, 2);
  }
  const local = await on.run(["generate", "m", "Why?", "--local"], true);
  assertEquals([local.environment.out, local.environment.requests.length], ["Hello world\n", 1]);
});

Deno.test("the options of a request reach the server's engine", async () => {
  await using on = await serving();
  const sampling = ["--temperature", "0.5", "--top-k", "3", "--seed", "7", "--min-p", "0.25"];
  await on.run(["generate", "m", "Hi", "-n", "9", "--stop", "END", ...sampling], true);
  await on.run(["generate", "m", "raw text", "--raw"], true);
  const [request, raw] = on.server.engine.requests;
  const { temperature, topK, seed, minP } = request!.sampling;
  assertEquals([temperature, topK, seed, minP, request!.maxTokens], [0.5, 3, 7, 0.25, 9]);
  assert(request!.stop.includes("END"));
  assertEquals(raw!.prompt.map((part) => "text" in part ? part.text : "").join(""), "raw text");
});

Deno.test("the answers of /fork are computed at once by the server too", async () => {
  let begun = 0;
  const all = Promise.withResolvers<void>();
  await using on = await serving([], {
    engine: {
      script: (_, index) => ({ tokens: [`a${index}`, `b${index}`] }),
      // After the first answer, none goes on before both have begun.
      beforeToken(at) {
        if (at === 0 && ++begun === 3) all.resolve();
        return begun > 1 && at > 0 ? all.promise : undefined;
      },
    },
  });
  const home = await Deno.makeTempDir();
  try {
    const env = { HOME: home, XDG_CONFIG_HOME: home, APPDATA: home };
    const lines = ["Hi", "/fork 2", "/keep 2"];
    const { environment, said } = await on.run(["chat", "m"], true, { lines, env });
    assertStringIncludes(said, "Going on with answer 2.");
    // The requests may come to the server in any order.
    const answers = environment.out.trimEnd().split("\n");
    assertEquals([answers[0], answers.slice(1).sort()], ["a0b0", ["a1b1", "a2b2"]]);
  } finally {
    await Deno.remove(home, { recursive: true });
  }
});

Deno.test("--json has the usage and timings that the server reports", async () => {
  await using on = await serving();
  const { environment } = await on.run(["generate", "m", "Hi", "--json"], true);
  const json = JSON.parse(environment.out);
  assertEquals([json.model, json.response, json.finish_reason], ["m", "Hello world", "stop"]);
  assertEquals(json.usage.completion_tokens, 2);
  assertEquals(json.timings.prompt_ms, 2);
  assert(json.timings.first_token_ms > 0);
});

Deno.test("without a server at the default address, the model is loaded in this process", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const closed = `127.0.0.1:${listener.addr.port}`;
  listener.close();
  const environment = new EnvironmentDouble({ defaultServer: closed });
  assertEquals(await main(["generate", "m", "Why?"], environment), 0);
  assertEquals([environment.out, environment.notes], ["Hello world\n", []]);
  const named = new EnvironmentDouble({ env: { SHIMMY_HOST: closed } });
  assertEquals(await main(["generate", "m", "Why?"], named), 1);
  assertStringIncludes(named.notes[0]!, `Cannot use the server at http://${closed}`);
});

Deno.test("a server at the default address is left out where it cannot do what is asked", async () => {
  await using on = await serving();
  const models = [entryDouble("m"), entryDouble("mine")];
  const mine = await on.run(["generate", "mine", "Hi"], false, { models });
  assertEquals(mine.environment.out, "Hello world\n");
  assertStringIncludes(mine.said, `the server at http://${on.host} has no 'mine'`);
  const options = await on.run(["generate", "m", "Hi", "--ctx", "512"], false);
  assertEquals(options.environment.requests[0]!.globals.ctx, 512);
  assertStringIncludes(options.said, "Loading in this process for --ctx");
  // A variable applies to the server too, which was started with it.
  const variable = await on.run(["generate", "m", "Hi"], false, { env: { SHIMMY_MAX_CTX: "512" } });
  assertEquals(variable.environment.requests, []);
  const warned = await on.run(["generate", "m", "Hi", "--ctx", "512"], true);
  assertStringIncludes(warned.said, `warning: --ctx: no effect on the running server at`);
  const absent = await on.run(["generate", "absent", "Hi"], true);
  assertEquals(absent.status, 1);
  assertStringIncludes(absent.said, "Model 'absent' not found");
});

Deno.test("a server that needs a key is used with it only", async () => {
  await using on = await serving(["--api-key", "secret"]);
  const denied = await on.run(["generate", "m", "Hi"], true);
  assertEquals(denied.status, 1);
  assertStringIncludes(denied.said, "it requires an API key; set --api-key or SHIMMY_API_KEY");
  const allowed = await on.run(["generate", "m", "Hi"], true, {
    env: { SHIMMY_API_KEY: "secret" },
  });
  assertEquals(allowed.environment.out, "Hello world\n");
  const local = await on.run(["generate", "m", "Hi"], false);
  assertEquals(local.environment.requests.length, 1);
  assertStringIncludes(local.said, "Going on without a server: Cannot use the server at");
});

Deno.test("a chat on a server keeps its conversation and its context", async () => {
  await using on = await serving();
  const lines = [..."abcd"].map((letter) => letter.repeat(400));
  const { environment, said } = await on.run(["chat", "m"], true, {
    lines: [...lines, "/load other", "/tokens", "/show info", "x".repeat(2000), "/bye"],
  });
  assertEquals(environment.out, "Hello world\n".repeat(4), said);
  assertEquals(said.split("longer than the context of 1024 tokens").length, 2);
  assertStringIncludes(said, "Going on with other");
  assertMatch(said, /\d+ of 1024 tokens/);
  assertMatch(said, /model: +other/);
});

Deno.test("an interrupt ends an answer of a server, and its sequence", async () => {
  const command: EnvironmentDouble = new EnvironmentDouble();
  await using on = await serving([], {
    engine: {
      script: { tokens: ["on "], endless: true },
      beforeToken: (index) => {
        if (index === 20) command.interrupt();
        return new Promise((resolve) => setTimeout(resolve, 1));
      },
    },
  });
  const status = await main(["generate", "m", "Hi", "--host", on.host], command);
  assertEquals(status, 130);
  assertMatch(command.out, /^(on )+\n$/);
  while (on.server.engine.finished.length === 0) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assertEquals(on.server.engine.finished, ["cancelled"]);
});

Deno.test({
  name: "a server at a Unix socket streams too",
  ignore: Deno.build.os === "windows",
  async fn() {
    const folder = await Deno.makeTempDir();
    const host = `unix:${folder}/s`;
    const server = new EnvironmentDouble();
    const done = main(["serve", "--bind", host, "--in-process"], server);
    try {
      while (server.out === "") await new Promise((resolve) => setTimeout(resolve, 5));
      const environment = new EnvironmentDouble();
      assertEquals(await main(["generate", "m", "Hi", "--host", host], environment), 0);
      assertEquals(environment.out, "Hello world\n");
      assertStringIncludes(environment.notes[0]!, `The server at ${host} answers`);
    } finally {
      server.interrupt("SIGTERM");
      await done;
      await Deno.remove(folder, { recursive: true });
    }
  },
});
