import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { AuditLog } from "./audit.ts";

const posix = Deno.build.os !== "windows";

/** An audit log in a folder of its own. */
async function opened(name = "audit.log") {
  const folder = await Deno.makeTempDir();
  const messages: string[] = [];
  const push = (message: string) => void messages.push(message);
  const path = join(folder, name);
  const audit = await AuditLog.open(path, { failed: push, recovered: push });
  return {
    folder,
    path,
    audit,
    messages,
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}

async function linesOf(path: string): Promise<unknown[]> {
  const lines = (await Deno.readTextFile(path)).split("\n").filter((line) => line !== "");
  return lines.map((line) => JSON.parse(line));
}

/** Resolves when everything that was written until now is in the file. */
async function written(path: string, count: number): Promise<void> {
  for (let i = 0; i < 500; i++) {
    if ((await linesOf(path).catch(() => [])).length >= count) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`${path} has fewer than ${count} lines`);
}

Deno.test("lines are appended in order, also to an existing file", async () => {
  await using log = await opened();
  for (let n = 0; n < 100; n++) log.audit.write({ n });
  await log.audit[Symbol.asyncDispose]();
  const again = await AuditLog.open(log.path, { failed() {}, recovered() {} });
  again.write({ n: 100 });
  await again[Symbol.asyncDispose]();
  assertEquals(await linesOf(log.path), Array.from({ length: 101 }, (_, n) => ({ n })));
  if (posix) assertEquals((await Deno.stat(log.path)).mode! & 0o777, 0o600);
});

Deno.test({
  name: "a file that was renamed or removed is made anew",
  ignore: !posix,
  async fn() {
    await using log = await opened();
    log.audit.write({ n: 1 });
    await written(log.path, 1);
    await Deno.rename(log.path, `${log.path}.1`);
    log.audit.write({ n: 2 });
    await written(log.path, 1);
    await Deno.remove(log.path);
    log.audit.write({ n: 3 });
    await log.audit[Symbol.asyncDispose]();
    assertEquals(await linesOf(`${log.path}.1`), [{ n: 1 }]);
    assertEquals(await linesOf(log.path), [{ n: 3 }]);
    assertEquals((await Deno.stat(log.path)).mode! & 0o777, 0o600);
  },
});

Deno.test({
  name: "lines that cannot be written are reported once and counted; the log goes on",
  ignore: !posix,
  async fn() {
    await using log = await opened();
    log.audit.write({ n: 1 });
    await written(log.path, 1);
    // A folder in place of the file cannot be opened, as nothing can be written to a full disk.
    await Deno.remove(log.path);
    await Deno.mkdir(log.path);
    for (let n = 2; n < 5; n++) {
      log.audit.write({ n });
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    assertEquals(log.messages.length, 1);
    assertStringIncludes(log.messages[0]!, "Cannot write the audit log");
    await Deno.remove(log.path);
    log.audit.write({ n: 5 });
    await log.audit[Symbol.asyncDispose]();
    assertEquals(await linesOf(log.path), [{ n: 5 }]);
    assertEquals(log.messages[1], "The audit log is written again; 3 lines are lost");
  },
});

Deno.test({
  name: "a full disk is told and costs nothing else",
  ignore: Deno.build.os !== "linux",
  async fn() {
    // Devices need all rights, which this process does not have.
    const code = `
      import { AuditLog } from ${JSON.stringify(import.meta.resolve("./audit.ts"))};
      const audit = await AuditLog.open("/dev/full", { failed: console.log, recovered() {} });
      audit.write({ n: 1 });
      await audit[Symbol.asyncDispose]();
    `;
    const { code: status, stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["eval", "--no-config", code],
    }).output();
    const text = new TextDecoder().decode(stdout);
    assertEquals(status, 0);
    assertMatch(text, /^Cannot write the audit log: .*No space left.*; 1 lines are lost\n$/);
  },
});
