import { assertEquals } from "@std/assert";
import { join } from "node:path";
import { EnvironmentDouble } from "../../../tests/doubles/environment.ts";
import { withFolder } from "../../../ffi/testing.ts";
import { main } from "../main.ts";

/** The lines of a server's start about an option. */
async function start(option: string, ...args: readonly string[]): Promise<string[]> {
  const environment = new EnvironmentDouble();
  const done = main(["serve", "--port", "0", "--in-process", ...args], environment);
  const isOver = done.then(() => true);
  // The models are looked for after the places were checked.
  const hasStarted = () => environment.notes.some((line) => /default: /.test(line));
  while (!hasStarted()) {
    const later = new Promise<false>((resolve) => setTimeout(() => resolve(false), 5));
    if (await Promise.race([isOver, later])) break;
  }
  environment.interrupt();
  await done;
  return environment.notes.filter((line) => line.includes(option));
}

Deno.test("serve tells at its start what is wrong with the directory of --shared-cache", async () => {
  await withFolder(async (folder) => {
    const file = join(folder, "file");
    await Deno.writeTextFile(file, "");
    for (const [place, problem] of [["none", "does not exist"], ["file", "is not a directory"]]) {
      const path = join(folder, place!);
      assertEquals(await start("--shared-cache", "--shared-cache", path), [
        `Prompts and answers are shared in ${path} (--shared-cache)`,
        `warn: --shared-cache: ${path} ${problem}; this server goes on without it meanwhile`,
      ]);
    }
    assertEquals(await start("--shared-cache", "--shared-cache-key", "secret"), [
      "warn: --shared-cache-key has no effect without --shared-cache",
    ]);
  });
});

Deno.test("serve refuses a place of --shared-cache before it listens", async () => {
  const environment = new EnvironmentDouble();
  assertEquals(await main(["serve", "--port", "0", "--shared-cache", "s3:/b"], environment), 2);
  assertEquals([environment.out, environment.notes], ["", [
    "shimmy: --shared-cache: must be a directory, or s3://BUCKET[/PREFIX]",
  ]]);
});

Deno.test("serve tells that an option for RPC workers has no effect without --rpc", async () => {
  for (const given of [["--rpc-key", "key"], ["--rpc-fallback"]]) {
    assertEquals(await start("--rpc", ...given), [
      `warn: ${given[0]} has no effect without --rpc`,
    ]);
  }
  assertEquals(await start("has no effect"), []);
});
