import { assertEquals, assertRejects } from "@std/assert";
import { ProcessPool } from "./process_pool.ts";

/** A process that can die and counts how often it was ended. */
class ProcessDouble {
  hasEnded = false;

  connect(): Promise<Deno.TcpConn> {
    return Promise.reject(new Error("not connected in this test"));
  }

  end(): Promise<void> {
    this.hasEnded = true;
    return Promise.resolve();
  }
}

function doubles() {
  const started: ProcessDouble[] = [];
  const start = () => {
    const process = new ProcessDouble();
    started.push(process);
    return Promise.resolve(process);
  };
  return { started, start };
}

Deno.test("one process waits, and is replaced when it is taken", async () => {
  const { started, start } = doubles();
  await using pool = new ProcessPool(start);
  await pool.prepare();
  assertEquals(started.length, 1);
  assertEquals(await pool.take(), started[0]);
  assertEquals(await pool.take(), started[1]);
  assertEquals(started.length, 3);
});

Deno.test("a process that is given back ends when another one waits", async () => {
  const { started, start } = doubles();
  await using pool = new ProcessPool(start);
  await pool.prepare();
  await pool.giveBack(await pool.take());
  assertEquals(started.map(({ hasEnded }) => hasEnded), [true, false]);
});

Deno.test("a process that has died while it waited is not taken", async () => {
  const { started, start } = doubles();
  await using pool = new ProcessPool(start);
  await pool.prepare();
  started[0]!.hasEnded = true;
  assertEquals(await pool.take(), started[1]);
});

Deno.test("the reason of a failed start is told, and the next start is tried again", async () => {
  let attempts = 0;
  await using pool = new ProcessPool(() => {
    if (attempts++ === 0) return Promise.reject(new Error("no memory"));
    return Promise.resolve(new ProcessDouble());
  });
  await assertRejects(() => pool.prepare(), Error, "no memory");
  await pool.prepare();
  assertEquals(attempts, 2);
});

Deno.test("a closed pool ends all of its processes", async () => {
  const { started, start } = doubles();
  const pool = new ProcessPool(start);
  await pool.prepare();
  await pool.take();
  await pool[Symbol.asyncDispose]();
  assertEquals(started.map(({ hasEnded }) => hasEnded), [true, true]);
});
