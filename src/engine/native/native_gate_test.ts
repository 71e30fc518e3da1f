import { assert, assertEquals, assertGreater, assertThrows } from "@std/assert";
import { NativeGate } from "./native_gate.ts";

/** Source of a worker thread that enters the gate as its messages say. */
const THREAD = `
  import { NativeGate } from ${JSON.stringify(import.meta.resolve("./native_gate.ts"))};
  let gate, count;
  const spin = (ms) => { for (const end = performance.now() + ms; performance.now() < end;); };
  const race = () => {
    // Not atomic on purpose: overlapping work loses counts.
    for (let i = 0; i < 400; i++) {
      const before = count[0];
      for (let j = 0; j < 200; j++) Math.sqrt(j);
      count[0] = before + 1;
    }
  };
  self.onmessage = ({ data }) => {
    if (data.gate) { gate = new NativeGate(data.gate); count = new Int32Array(data.count); }
    if (data.stay) gate.shared(() => { self.postMessage("inside"); spin(data.stay); });
    if (data.race) for (let i = 0; i < 20; i++) gate[data.race](race);
    if (data.both) for (let i = 0; i < 50; i++) gate.shared(() => gate.exclusive(race));
    self.postMessage("done");
  };
`;

interface Thread extends AsyncDisposable {
  tell(message: unknown): void;
  /** The next message of the thread. */
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

for (const way of ["exclusive", "serialized"] as const) {
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

Deno.test("exclusive work requested inside shared work of two threads does not deadlock", async () => {
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

Deno.test("exclusive work waits for shared work and returns null after its timeout", async () => {
  const gate = new NativeGate();
  await using other = await thread(gate, new SharedArrayBuffer(4));
  other.tell({ stay: 300 });
  assertEquals(await other.hear(), "inside");
  const start = performance.now();
  assertEquals(gate.exclusive(() => "alone"), { value: "alone" });
  assertGreater(performance.now() - start, 100);
  await other.hear();

  other.tell({ stay: 6000 });
  assertEquals(await other.hear(), "inside");
  assertEquals(gate.exclusive(() => "alone"), null);
  // Shared work beside it is still possible.
  assertEquals(gate.shared(() => "beside"), "beside");
});

Deno.test("nested work does not enter twice, and an error leaves the gate open", () => {
  const gate = new NativeGate();
  assertEquals(gate.shared(() => gate.shared(() => 1)), 1);
  assertEquals(gate.shared(() => gate.exclusive(() => 2)), { value: 2 });
  const fail = () => {
    throw new RangeError("broken");
  };
  assertThrows(() => gate.shared(fail), RangeError);
  assertThrows(() => gate.exclusive(fail), RangeError);
  assertEquals(gate.exclusive(() => 3), { value: 3 });
});
