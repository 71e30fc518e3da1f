import { assertEquals, assertThrows } from "@std/assert";
import { decodeBody, encodeFrame, FRAME, FrameReader, signalFrame } from "./frames.ts";
import type { FromEngineCore, ToEngineCore } from "./messages.ts";

const token = (logprob: number): FromEngineCore => ({
  type: "step",
  events: [{
    id: 1,
    event: {
      type: "token",
      text: "é😀",
      token: 5,
      logprob: { token: 5, bytes: [1], logprob, top: [] },
    },
  }],
});

const MESSAGES: (ToEngineCore | FromEngineCore)[] = [
  { type: "step", events: [{ id: 7, event: { type: "token", text: "\n\u0000ü", token: 1 } }] },
  token(-Infinity),
  { type: "reply", call: 3, value: { vectors: [new Float32Array([0.5, -1])], tokens: [1] } },
  {
    type: "control",
    id: 2,
    control: { type: "sampling", sampling: { temperature: 0, seed: null } },
  },
  { type: "unload" },
];

function concat(frames: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(frames.flatMap((bytes) => [...bytes]));
}

Deno.test("messages are decoded unchanged from any chunks", () => {
  const bytes = concat(MESSAGES.map(encodeFrame));
  for (const size of [1, 2, 3, 7, 64, bytes.length]) {
    const reader = new FrameReader();
    const seen: unknown[] = [];
    for (let at = 0; at < bytes.length; at += size) {
      for (const { kind, body } of reader.push(bytes.slice(at, at + size))) {
        seen.push(decodeBody(kind, body));
      }
    }
    assertEquals(seen, MESSAGES);
  }
});

Deno.test("signals are frames without a body", () => {
  const reader = new FrameReader();
  const frames = [
    ...reader.push(concat([signalFrame(FRAME.abort), signalFrame(FRAME.cancelLoading)])),
  ];
  assertEquals(frames.map(({ kind, body }) => [kind, body.length]), [[2, 0], [3, 0]]);
});

Deno.test("bytes that are not frames are refused", () => {
  const reader = new FrameReader();
  assertThrows(() => [...reader.push(new TextEncoder().encode("GGML_ASSERT failed"))], RangeError);
});
