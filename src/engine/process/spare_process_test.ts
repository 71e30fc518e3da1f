import { assertEquals } from "@std/assert";
import { type ChildCommand, endSpare, startSpare, takeProcess } from "./spare_process.ts";

/** A process that ends when its input does. */
const command = (name: string): ChildCommand => [
  Deno.execPath(),
  "eval",
  "--no-lock",
  "for await (const _ of Deno.stdin.readable);",
  name,
];

/** Ends a process by closing its input. @returns its exit code. */
async function end({ stdin, stdout, stderr, status }: Deno.ChildProcess): Promise<number> {
  await Promise.all([stdin.close(), stdout.cancel(), stderr.cancel()]);
  return (await status).code;
}

Deno.test("a process that waits is taken once, by the same command only", async () => {
  const ended = startSpare(command("a"));
  const other = takeProcess(command("b"));
  const taken = takeProcess(command("a"));
  const next = takeProcess(command("a"));
  assertEquals(new Set([other, taken, next].map(({ pid }) => pid)).size, 3);
  // A process that was taken is not ended.
  await endSpare();
  const running = await Promise.race([taken.status, Promise.resolve("running")]);
  assertEquals(running, "running");
  assertEquals(await Promise.all([other, taken, next].map(end)), [0, 0, 0]);
  await ended;
});

Deno.test("a process that nothing takes ends", async () => {
  const ended = startSpare(command("a"));
  await endSpare();
  await ended;
  const own = takeProcess(command("a"));
  assertEquals(await end(own), 0);
  await endSpare();
});

Deno.test("a process that has ended is not taken", async () => {
  const failing: ChildCommand = [Deno.execPath(), "eval", "--no-lock", "Deno.exit(3)"];
  await startSpare(failing);
  // Taking the ended one would fail: its streams are closed.
  assertEquals(await end(takeProcess(failing)), 3);
});
