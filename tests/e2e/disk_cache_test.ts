/** The prefix cache on disk, with real servers that end and start again. */
import { assert, assertEquals, assertGreater, assertStringIncludes } from "@std/assert";
import { delay } from "@std/async/delay";
import { join } from "node:path";
import { childrenOf, Machine, Server } from "../cli/machine.ts";

const STORY = "Tell me a story about a fox. ".repeat(40);
/** The name that follows is nearly a tie: a batch of another size may decide it. */
const FIRST = { prompt: STORY, temperature: 0, max_tokens: 6 };
const SECOND = { ...FIRST, prompt: `${STORY}And now one about a hen.` };

const withProcesses = { ignore: Deno.build.os === "windows" };

interface Answer {
  readonly response: string;
  readonly usage: { readonly prompt_tokens: number; readonly cached_tokens: number };
  readonly notices?: readonly string[];
}

async function ask(server: Server, body: object): Promise<Answer> {
  const response = await server.generate(body);
  assertEquals(response.status, 200);
  return await response.json();
}

interface DiskStatus {
  readonly hits: number;
  readonly writes: number;
  readonly files: number;
  readonly notices: readonly string[];
}

async function diskStatus(server: Server): Promise<DiskStatus | null> {
  const status = await (await fetch(server.url("/api/models/shimmy-tiny/status"))).json();
  return status.loaded.statistics.disk_cache;
}

async function start(machine: Machine, ...args: string[]): Promise<Server> {
  return await Server.start(machine, ["--port", "0", ...args]);
}

function folderOf(machine: Machine): string {
  return join(machine.home, "cache");
}

function cacheArguments(machine: Machine): string[] {
  return ["--disk-cache", "1GB", "--disk-cache-dir", folderOf(machine)];
}

function files(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** Stops a server as a service manager does. @returns its log. */
async function stop(server: Server): Promise<string> {
  server.kill("SIGTERM");
  const { code, stderr } = await server.ended();
  assertEquals(code, 0, stderr);
  return stderr;
}

for (const where of ["child processes", "its own process"]) {
  Deno.test({
    name: `a server with models in ${where} continues after a restart`,
    ...withProcesses,
    fn: async () => {
      await using machine = await Machine.start();
      const args = [
        ...cacheArguments(machine),
        ...(where === "its own process" ? ["--in-process"] : []),
      ];
      {
        await using server = await start(machine, ...args);
        const { usage } = await ask(server, FIRST);
        assertEquals(usage.cached_tokens, 0);
        await stop(server);
      }
      const written = files(folderOf(machine));
      assertEquals(written.length, 1, written.join());
      const info = await Deno.stat(join(folderOf(machine), written[0]!));
      assertEquals(info.mode! & 0o777, 0o600);
      assertEquals((await Deno.stat(folderOf(machine))).mode! & 0o777, 0o700);
      await using server = await start(machine, ...args);
      const { usage, response } = await ask(server, SECOND);
      assertGreater(usage.cached_tokens, 200);
      const status = (await diskStatus(server))!;
      assertEquals([status.hits, status.files, status.notices], [1, 1, []]);
      const metrics = await (await fetch(server.url("/metrics"))).text();
      assertStringIncludes(
        metrics,
        'shimmy_disk_cache_lookups_total{model="shimmy-tiny",result="hit"} 1\n',
      );
      await stop(server);
      assertEquals(files(folderOf(machine)).length, 2);
      await using other = await start(machine);
      assertEquals((await ask(other, SECOND)).response, response);
    },
  });
}

Deno.test({
  name: "nothing is kept on disk unless it is asked for",
  ...withProcesses,
  fn: async () => {
    await using machine = await Machine.start();
    await using server = await start(machine);
    await ask(server, FIRST);
    assertEquals(await diskStatus(server), null);
    await stop(server);
    const { stdout } = await new Deno.Command("grep", {
      args: ["-rl", "--include=*.state", "SHIMMYS5", machine.home],
    }).output();
    assertEquals(new TextDecoder().decode(stdout), "");
    assertEquals(files(join(machine.home, ".cache", "shimmy", "prefixes")), []);
  },
});

Deno.test({
  name: "two servers share a folder, also while both write",
  ...withProcesses,
  fn: async () => {
    await using machine = await Machine.start();
    await using one = await start(machine, ...cacheArguments(machine), "--keep-alive", "0");
    await using two = await start(machine, ...cacheArguments(machine), "--keep-alive", "0");
    const prompts = Array.from({ length: 4 }, (_, at) => `${at}. ${STORY}`);
    const both = await Promise.all([one, two].map(async (server) => {
      const answers: string[] = [];
      // Each answer is followed by an unload, which writes.
      for (const prompt of prompts) {
        answers.push((await ask(server, { ...FIRST, prompt })).response);
      }
      return answers;
    }));
    assertEquals(both[0], both[1]);
    for (const server of [one, two]) {
      for (const prompt of prompts) {
        const { usage, notices } = await ask(server, { ...FIRST, prompt });
        assertEquals(usage.cached_tokens, usage.prompt_tokens - 1);
        assertEquals(notices, undefined);
      }
    }
    assertEquals(files(folderOf(machine)).filter((name) => !name.endsWith(".state")), []);
    await stop(one);
    await stop(two);
  },
});

Deno.test({
  name: "when a server is killed, its models' processes still write their states",
  ...withProcesses,
  fn: async () => {
    await using machine = await Machine.start();
    {
      await using server = await start(machine, ...cacheArguments(machine));
      await ask(server, FIRST);
      server.kill("SIGKILL");
      await server.ended();
      // The list of its children in /proc can lack some on a busy machine.
      await firstState(folderOf(machine));
    }
    await using server = await start(machine, ...cacheArguments(machine));
    assertGreater((await ask(server, SECOND)).usage.cached_tokens, 200);
    // Otherwise its model's process would write while the folder is removed.
    await stop(server);
  },
});

Deno.test({
  name: "after a crash of a model's process, earlier files are complete and used",
  ...withProcesses,
  fn: async () => {
    await using machine = await Machine.start();
    await using server = await start(machine, ...cacheArguments(machine));
    await ask(server, FIRST);
    await (await fetch(server.url("/api/models/shimmy-tiny/unload"), { method: "POST" })).text();
    assertEquals(files(folderOf(machine)).length, 1);
    await ask(server, { ...FIRST, prompt: `Another: ${STORY}` });
    for (const pid of await childrenOf(server.pid)) Deno.kill(pid, "SIGKILL");
    let answer: Answer | undefined;
    // The server notices the end of the process and loads the model again.
    while (answer === undefined) {
      const response = await server.generate(SECOND);
      if (response.ok) answer = await response.json();
      else await response.text();
    }
    assertGreater(answer.usage.cached_tokens, 200);
    await stop(server);
  },
});

Deno.test({
  name: "a folder that cannot be used costs a line in the log, and answers are computed",
  ...withProcesses,
  fn: async () => {
    await using machine = await Machine.start();
    const file = join(machine.home, "file");
    await Deno.writeTextFile(file, "");
    await using server = await start(
      machine,
      ...["--disk-cache", "1GB", "--disk-cache-dir", join(file, "cache")],
    );
    await ask(server, FIRST);
    const { notices } = await ask(server, SECOND);
    assertEquals(notices, undefined);
    const log = await stop(server);
    assert(log.includes("shimmy-tiny: Disk cache: "), log);
  },
});

/** Waits until a state is in a folder. */
async function firstState(folder: string): Promise<void> {
  while (!files(folder).some((name) => name.endsWith(".state"))) await delay(20);
}
