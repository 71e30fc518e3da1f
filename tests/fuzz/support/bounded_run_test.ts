import { assertEquals } from "@std/assert";
import { boundedRun } from "./bounded_run.ts";

/** A program in place of a command of the product. */
function program(source: string): Deno.Command {
  return new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-config", source],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
}

Deno.test("a command may end with a reason, and nothing else", async () => {
  const kind = async (source: string) => (await boundedRun(program(source)))?.kind;
  assertEquals(await kind(""), undefined);
  assertEquals(await kind("console.error('it is damaged'); Deno.exit(1)"), undefined);
  assertEquals(await kind("Deno.exit(1)"), "status");
  assertEquals(await kind("Deno.exit(134)"), "ended");
  assertEquals(await kind("console.error('Internal error'); Deno.exit(1)"), "unexpected");
});

Deno.test({
  name: "a command that uses too much memory or time is ended",
  ignore: Deno.build.os === "windows",
  async fn() {
    const wait = "await new Promise((resolve) => setTimeout(resolve, 600_000));";
    const held = `const held = new Uint8Array(2 ** 29).fill(1); ${wait} console.log(held);`;
    const bounds = { milliseconds: 60_000, bytes: 2 ** 28 };
    assertEquals((await boundedRun(program(held), bounds))?.kind, "memory");
    const short = { milliseconds: 1, bytes: 2 ** 34 };
    assertEquals((await boundedRun(program(wait), short))?.kind, "hang");
  },
});
