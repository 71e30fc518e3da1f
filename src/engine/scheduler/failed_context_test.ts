/** A larger context that cannot be created ends the request that needs it, and no other. */
import { assertEquals } from "@std/assert";
import { ask, tinyOptions } from "../../../tests/support/engine.ts";
import { loadModel } from "../loading/load_model.ts";
import { EngineFlags } from "../native/shared_flags.ts";
import { NativeGate } from "../native/native_gate.ts";
import type { ContextShape, SequenceEvent } from "../protocol/mod.ts";
import { Loop } from "./loop.ts";

const SHAPE: ContextShape = {
  ...{ length: 256, sequences: 2, unified: false, cells: 512, swaFull: true, kvBytes: 0 },
  reason: "two short streams",
};

Deno.test("after a context that cannot be created, the model goes on with the former one", async () => {
  const options = await tinyOptions({ shape: SHAPE, lookup: false });
  const shared = { flags: new EngineFlags(), gate: new NativeGate() };
  using model = loadModel(options, shared, () => {});
  // libllama counts cells in 32 bits.
  const impossible = { ...SHAPE, length: 2 ** 31, cells: 2 ** 32 };
  const larger = () => ({ shape: impossible, stateBytes: 2 ** 30, keepsStates: true });
  const events = new Map<number, SequenceEvent[]>();
  const emit = (id: number, event: SequenceEvent) => {
    events.set(id, [...events.get(id) ?? [], event]);
  };
  const loop = new Loop({ ...model.generation!, larger }, model.tokenizer, emit);
  const run = (id: number, length: number) => {
    const tokens = Array.from({ length }, (_, at) => 300 + at % 90);
    loop.submit(id, ask("", { prompt: [{ tokens }], maxTokens: 4, ignoreEos: true }));
    while (loop.hasWork) loop.step();
    return events.get(id)!.at(-1)!;
  };
  // Its tokens stay in its stream.
  assertEquals(run(1, 150).type, "done");
  const failed = run(2, 400);
  assertEquals(failed.type === "error" && failed.error.kind, "invalid");
  const next = run(3, 150);
  assertEquals(next.type === "done" && next.usage.completionTokens, 4);
  assertEquals(loop.shape.length, SHAPE.length);
  loop.close();
});
