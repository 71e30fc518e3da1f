/** The bundle, run from a file and from an `http:` URL, with nothing else beside it. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { BUNDLE, bundle } from "../../scripts/bundle.ts";
import { CollectorDouble } from "../doubles/collector.ts";
import { sharesStates, usesTunnels } from "../support/own_threads.ts";
import { generate, type Program, run, serve } from "../support/program.ts";

const QUESTION = "What is the capital of France?";
const ANSWER = "The capital of France is Paris.";

const RIGHTS = ["ffi", "read", "write", "net", "env", "sys", "run", "import"]
  .map((name) => `--allow-${name}`);

await bundle();

/** Deno with the bundle, with an empty cache folder of Shimmy's, outside of the repository. */
function program(folder: string, main: string): Program {
  return {
    command: [Deno.execPath(), "run", "--quiet", "--no-prompt", ...RIGHTS, main],
    // Deno itself needs what it is told of its cache, its proxy and its certificates.
    env: { ...Deno.env.toObject(), SHIMMY_CACHE_DIR: join(folder, "cache"), HOME: folder },
    cwd: folder,
  };
}

/** Deno's own cache stays where it is, though `HOME` moves. */
const DENO_DIR = JSON.parse(
  new TextDecoder().decode(
    (await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output()).stdout,
  ),
).denoDir;
Deno.env.set("DENO_DIR", DENO_DIR);

for (const where of ["a file", "an http: URL"]) {
  Deno.test(`from ${where} the bundle generates, looks for devices and serves`, async () => {
    const folder = await Deno.makeTempDir({ prefix: "shimmy-bundle-" });
    await using _folder = {
      [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
    };
    const alone = join(folder, "shimmy.js");
    await Deno.copyFile(BUNDLE, alone);
    await using host = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      async () =>
        new Response(await Deno.readFile(BUNDLE), {
          headers: { "content-type": "text/javascript" },
        }),
    );
    const url = `http://127.0.0.1:${host.addr.port}/shimmy.js`;
    const shimmy = program(folder, where === "a file" ? alone : url);

    const generated = await run(shimmy, [
      "generate",
      "--prompt",
      QUESTION,
      "--temperature",
      "0",
    ]);
    assertEquals([generated.code, generated.stdout.trim()], [0, ANSWER], generated.stderr);

    const info = await run(shimmy, ["gpu-info", "--json"]);
    assertEquals(info.code, 0, info.stderr);
    const cpu = JSON.parse(info.stdout).backends.find(
      ({ backend }: { backend: string }) => backend === "cpu",
    );
    assert(cpu.usable, info.stdout);

    await using server = await serve(shimmy);
    assertEquals(await generate(server.base, QUESTION), ANSWER);
    const openapi = await (await fetch(`${server.base}/openapi.json`)).text();
    assertStringIncludes(openapi, "/api/generate");
    assertStringIncludes(await (await fetch(`${server.base}/ui`)).text(), "<!doctype html>");
    assertEquals(await server.stop(), 0);
  });
}

Deno.test("the bundle starts the threads of tunnels and of shared states", async () => {
  const folder = await Deno.makeTempDir({ prefix: "shimmy-bundle-" });
  await using _folder = {
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
  const shimmy = program(folder, BUNDLE);
  await usesTunnels(shimmy, folder);
  await sharesStates(shimmy, folder);
});

Deno.test("the bundle sends traces and metrics to a collector", async () => {
  const folder = await Deno.makeTempDir({ prefix: "shimmy-bundle-" });
  await using _folder = {
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
  await using collector = new CollectorDouble();
  const { env, ...shimmy } = program(folder, BUNDLE);
  const variables = { ...env, OTEL_EXPORTER_OTLP_ENDPOINT: collector.url };
  const server = await serve({ ...shimmy, env: variables });
  assertEquals(await generate(server.base, QUESTION), ANSWER);
  assertEquals(await server.stop(), 0);
  assertEquals(collector.named("POST /api/generate").length, 1);
  assertEquals(collector.named("decode").length, 1);
  assert(collector.metrics.has("shimmy_completion_tokens_total"));
});
