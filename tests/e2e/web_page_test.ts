/** The web page of a real server: its address, the options and the browser that opens it. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { Machine, Server } from "../cli/machine.ts";

const BROWSER = { accept: "text/html,application/xhtml+xml,*/*;q=0.8" };

/** The program that opens addresses; the test puts a script in its place. */
const OPENER = { linux: "xdg-open", darwin: "open" }[Deno.build.os as "linux" | "darwin"];

async function textOf(server: Server, path: string, headers = {}): Promise<string> {
  return await (await fetch(server.url(path), { headers })).text();
}

/** Stops a server and returns what it wrote to stderr. */
async function stop(server: Server): Promise<string> {
  server.kill("SIGTERM");
  return (await server.ended()).stderr;
}

/** Waits until a file has content. */
async function read(path: string): Promise<string> {
  for (let attempt = 0; attempt < 500; attempt++) {
    const text = await Deno.readTextFile(path).catch(() => "");
    if (text.endsWith("\n")) return text;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`${path} was not written`);
}

Deno.test("the server prints the address of the page and serves it", async () => {
  await using machine = await Machine.start();
  await using server = await Server.start(machine);
  assertMatch(await textOf(server, "/", BROWSER), /^<!doctype html>/);
  assertMatch(await textOf(server, "/ui"), /^<!doctype html>/);
  assertMatch(await textOf(server, "/"), /^Shimmy \S+ is running\n$/);
  assertStringIncludes(await stop(server), `Open http://${server.address} for the web page\n`);
});

Deno.test("--no-ui and the configuration file remove the page", async () => {
  await using machine = await Machine.start();
  const config = join(machine.home, "shimmy.json");
  for (const args of [["--no-ui"], []]) {
    if (args.length === 0) await Deno.writeTextFile(config, '{"server":{"no-ui":true}}');
    await using server = await Server.start(machine, ["--port", "0", ...args]);
    assertMatch(await textOf(server, "/", BROWSER), /^Shimmy \S+ is running\n$/);
    const missing = await fetch(server.url("/ui"));
    assertEquals(missing.status, 404);
    await missing.body?.cancel();
    assertEquals((await stop(server)).includes("for the web page"), false);
  }
});

Deno.test({
  name: "--open starts the system's program with the address",
  ignore: OPENER === undefined,
  async fn() {
    await using machine = await Machine.start();
    const opened = join(machine.home, "opened");
    const program = join(machine.home, OPENER);
    await Deno.writeTextFile(program, `#!/bin/sh\necho "$@" > "${opened}"\n`, { mode: 0o755 });
    const env = { PATH: `${machine.home}:${Deno.env.get("PATH") ?? ""}` };
    await using server = await Server.start(machine, ["--port", "0", "--open"], env);
    assertEquals(await read(opened), `http://${server.address}\n`);
    assertEquals((await stop(server)).includes("--open"), false);
  },
});

Deno.test({
  name: "--open without the system's program is a warning, and the server runs",
  ignore: OPENER === undefined,
  async fn() {
    await using machine = await Machine.start();
    const env = { PATH: machine.home };
    await using server = await Server.start(machine, ["--port", "0", "--open"], env);
    assertMatch(await textOf(server, "/ui"), /^<!doctype html>/);
    const warning = `--open: cannot open http://${server.address} with ${OPENER}: `;
    assertStringIncludes(await stop(server), warning);
  },
});

Deno.test("--open with --no-ui is refused", async () => {
  await using machine = await Machine.start();
  const { code, stderr } = await machine.run(["serve", "--open", "--no-ui"]);
  assertEquals(code, 2);
  assertStringIncludes(stderr, "--open: --no-ui removes the page");
});
