import { delay } from "@std/async/delay";
import { decodeHex, encodeHex } from "@std/encoding/hex";
import * as fc from "test:fast-check";
import * as z from "zod";
import { controlSchema, generateSchema } from "../../../src/server/api/native/schema.ts";
import { type Schema, valuesOf } from "../mutation/from_schema.ts";
import { editJson, type Json, type JsonEdit, jsonEdits } from "../mutation/json_edits.ts";
import { checkVisible, type Problem } from "../support/problem.ts";
import { ServerRunner } from "../support/server_runner.ts";
import { KNOWN, memberNames, record, startTinyServer } from "../support/tiny_server.ts";
import { within } from "../support/within.ts";
import type { Target } from "../target.ts";

/** A frame of a client, and milliseconds before the next one. */
interface Frame {
  readonly content:
    | { readonly json: Json; readonly edits: readonly JsonEdit[] }
    | { readonly text: string }
    | { readonly hex: string };
  readonly wait: number;
}

/** A frame as bytes, in which its head may be wrong. RFC 6455, section 5.2. */
interface RawFrame {
  /** The first two bytes: FIN, reserved bits, opcode, MASK and length. */
  readonly head: string;
  readonly payload: string;
}

type FrameCase = { readonly frames: readonly Frame[] } | { readonly raw: readonly RawFrame[] };

/** Milliseconds until a socket answers again after all frames. */
const LIMIT = 30_000;
const PAUSE = 20;
/** Milliseconds until the server has closed a socket that the client closed. */
const CLOSE_LIMIT = 2_000;

/** Frames of WebSocket clients: requests, controls, and frames that break the protocol. */
export const frames: Target = {
  name: "frames",
  open: async () => new FrameRunner(await startTinyServer()),
};

class FrameRunner extends ServerRunner<FrameCase> {
  readonly cases: fc.Arbitrary<FrameCase> = fc.oneof(
    { weight: 6, arbitrary: record<{ frames: Frame[] }>({ frames: FRAMES }) },
    { weight: 1, arbitrary: record<{ raw: RawFrame[] }>({ raw: RAW_FRAMES }) },
  );

  async run(one: FrameCase): Promise<Problem | null> {
    const found = "frames" in one ? await this.#send(one.frames) : await this.#sendRaw(one.raw);
    return await this.server.check() ?? found;
  }

  /** Sends frames; then the socket must answer a request, unless the server has closed it. */
  async #send(frames: readonly Frame[]): Promise<Problem | null> {
    const socket = new WebSocket(`ws://${this.server.address}/ws/generate`);
    const received: string[] = [];
    const closed = Promise.withResolvers<void>();
    socket.onmessage = ({ data }) => received.push(String(data));
    socket.onclose = () => closed.resolve();
    socket.onerror = () => {};
    const opened = new Promise<void>((resolve) => socket.onopen = () => resolve());
    await Promise.race([opened, closed.promise]);
    for (const { content, wait } of frames) {
      if (socket.readyState !== WebSocket.OPEN) break;
      socket.send(contentOf(content));
      await delay(wait);
    }
    const isAnswering = await answers(socket, received);
    socket.close();
    await within(closed.promise, CLOSE_LIMIT, null);
    const text = received.filter((frame) => frame.startsWith('{"error"')).join("\n");
    const visible = checkVisible(text, [this.server.home, Deno.cwd()]);
    if (visible !== null) return visible;
    return isAnswering ? null : { kind: "hang", message: `the socket answers no request any more` };
  }

  async #sendRaw(frames: readonly RawFrame[]): Promise<Problem | null> {
    using connection = await Deno.connect({ hostname: "127.0.0.1", port: this.server.port });
    await connection.write(new TextEncoder().encode(HANDSHAKE));
    const buffer = new Uint8Array(65_536);
    await connection.read(buffer);
    for (const { head, payload } of frames) {
      const sent = await connection.write(decodeHex(head + payload)).catch(() => null);
      if (sent === null) break;
    }
    const length = await within(connection.read(buffer).catch(() => 0), PAUSE, 0);
    const text = new TextDecoder().decode(buffer.subarray(0, length ?? 0));
    return checkVisible(text, [this.server.home, Deno.cwd()]);
  }
}

/** Whether a request gets its last event. A running answer is stopped, also one that is paused. */
async function answers(socket: WebSocket, received: string[]): Promise<boolean> {
  const end = performance.now() + LIMIT;
  const isDone = (frame: string) => frame.startsWith('{"done":true') && frame.includes(`"length"`);
  while (socket.readyState === WebSocket.OPEN) {
    if (performance.now() > end) return false;
    const from = received.length;
    socket.send(PROBE);
    await delay(PAUSE);
    if (received.slice(from).some(isDone)) return true;
    if (socket.readyState === WebSocket.OPEN) socket.send('{"stop":true}');
  }
  return true;
}

/** Its answer has one token, and ends for its length. */
const PROBE = '{"prompt":"Hi","max_tokens":1,"ignore_eos":true,"stream_format":"json"}';

const HANDSHAKE = "GET /ws/generate HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n" +
  "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
  "Sec-WebSocket-Version: 13\r\n\r\n";

function contentOf(content: Frame["content"]): string | Uint8Array<ArrayBuffer> {
  if ("text" in content) return content.text;
  if ("hex" in content) return decodeHex(content.hex);
  return JSON.stringify(editJson(content.json, content.edits));
}

const schemaOf = (schema: z.ZodType) =>
  z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) as Schema;
const REQUEST = schemaOf(generateSchema);
const CONTROL = schemaOf(controlSchema);
const NAMES = [...memberNames(REQUEST), ...memberNames(CONTROL)];

const hexOf = (most: number) => fc.uint8Array({ maxLength: most }).map((bytes) => encodeHex(bytes));

const CONTENT: fc.Arbitrary<Frame["content"]> = fc.oneof(
  ...[[5, REQUEST], [4, CONTROL]].map(([weight, schema]) => ({
    weight: weight as number,
    arbitrary: record<{ json: Json; edits: JsonEdit[] }>({
      json: valuesOf(schema as Schema, { ...KNOWN, grammar: ['root ::= "a"'] }),
      edits: jsonEdits(NAMES, [], 2),
    }),
  })),
  {
    weight: 1,
    arbitrary: record<{ text: string }>({ text: fc.string({ unit: "binary", maxLength: 20 }) }),
  },
  { weight: 1, arbitrary: record<{ hex: string }>({ hex: hexOf(20) }) },
);

const FRAMES = fc.array(
  record<Frame>({ content: CONTENT, wait: fc.constantFrom(0, 0, 1, 5, 30) }),
  { minLength: 1, maxLength: 6 },
);

const RAW_FRAMES = fc.array(
  record<RawFrame>({
    head: fc.uint8Array({ minLength: 2, maxLength: 2 }).map((bytes) => encodeHex(bytes)),
    payload: hexOf(40),
  }),
  { minLength: 1, maxLength: 4 },
);
