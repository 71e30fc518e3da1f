import { assert, assertEquals, assertGreater, assertThrows } from "@std/assert";
import { NativeGate } from "./native_gate.ts";

/** A thread that does what it is told with the gate it is given. */
const THREAD = `
  import { NativeGate } from ${JSON.stringify(import.meta.resolve("./native_gate.ts"))};
  let gate, count;
  const spin = (ms) => { for (const end = performance.now() + ms; performance.now() < end;); };
  const race = () => {
    // Not atomic on purpose: what the gate does not keep apart loses counts.
    for (let i = 0; i < 400; i++) {
      const before = count[0];
      for (let j = 0; j < 200; j++) Math.sqrt(j);
      count[0] = before + 1;
    }
  };
  self.onmessage = ({ data }) => {
    if (data.gate) { gate = new NativeGate(data.gate); count = new Int32Array(data.count); }
    if (data.stay) gate.together(() => { self.postMessage("inside"); spin(data.stay); });
    if (data.race) for (let i = 0; i < 20; i++) gate[data.race](race);
    if (data.both) for (let i = 0; i < 50; i++) gate.together(() => gate.alone(race));
    self.postMessage("done");
  };
`;

interface Thread extends AsyncDisposable {
  tell(message: unknown): void;
  /** The next thing it says. */
  hear(): Promise<unknown>;
}

async function thread(gate: NativeGate, count: SharedArrayBuffer): Promise<Thread> {
  const url = `data:application/javascript,${encodeURIComponent(THREAD)}`;
  const worker = new Worker(url, { type: "module" });
  const { readable, writable } = new TransformStream<unknown, unknown>();
  const writer = writable.getWriter();
  const reader = readable.getReader();
  worker.onmessage = ({ data }) => void writer.write(data);
  const tell = (message: unknown) => worker.postMessage(message);
  tell({ gate: gate.buffer, count });
  await reader.read();
  return {
    tell,
    hear: async () => (await reader.read()).value,
    async [Symbol.asyncDispose]() {
      worker.terminate();
      await Promise.all([writer.close(), reader.read()]);
    },
  };
}

for (const way of ["alone", "oneByOne"] as const) {
  Deno.test(`work of several threads does not overlap (${way})`, async () => {
    const gate = new NativeGate();
    const count = new SharedArrayBuffer(4);
    await using one = await thread(gate, count);
    await using two = await thread(gate, count);
    one.tell({ race: way });
    two.tell({ race: way });
    assertEquals([await one.hear(), await two.hear()], ["done", "done"]);
    assertEquals(new Int32Array(count)[0], 2 * 20 * 400);
  });
}

Deno.test("two threads that want to be alone from within do not wait for each other", async () => {
  const gate = new NativeGate();
  const count = new SharedArrayBuffer(4);
  await using one = await thread(gate, count);
  await using two = await thread(gate, count);
  const start = performance.now();
  one.tell({ both: true });
  two.tell({ both: true });
  assertEquals([await one.hear(), await two.hear()], ["done", "done"]);
  assertEquals(new Int32Array(count)[0], 2 * 50 * 400);
  assert(performance.now() - start < 4000);
});

Deno.test("who wants to be alone waits for those inside, and gives up on one that stays", async () => {
  const gate = new NativeGate();
  await using other = await thread(gate, new SharedArrayBuffer(4));
  other.tell({ stay: 300 });
  assertEquals(await other.hear(), "inside");
  const start = performance.now();
  assertEquals(gate.alone(() => "alone"), { value: "alone" });
  assertGreater(performance.now() - start, 100);
  await other.hear();

  other.tell({ stay: 6000 });
  assertEquals(await other.hear(), "inside");
  assertEquals(gate.alone(() => "alone"), null);
  // Working beside it goes on.
  assertEquals(gate.together(() => "beside"), "beside");
});

Deno.test("work within work needs no second entry, and an error leaves the gate open", () => {
  const gate = new NativeGate();
  assertEquals(gate.together(() => gate.together(() => 1)), 1);
  assertEquals(gate.together(() => gate.alone(() => 2)), { value: 2 });
  const fail = () => {
    throw new RangeError("broken");
  };
  assertThrows(() => gate.together(fail), RangeError);
  assertThrows(() => gate.alone(fail), RangeError);
  assertEquals(gate.alone(() => 3), { value: 3 });
});
