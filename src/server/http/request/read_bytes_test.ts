import { assertEquals, assertRejects } from "@std/assert";
import { HttpError } from "../errors.ts";
import { readBytes } from "./read_bytes.ts";

const LARGE = 3 * 2 ** 20;

/** A request whose body comes in chunks. */
function requestOf(
  bytes: Uint8Array<ArrayBuffer>,
  announced: number | null,
  chunk: number,
): Request {
  let at = 0;
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller) {
      if (at < bytes.length) controller.enqueue(bytes.slice(at, at += chunk));
      else controller.close();
    },
  });
  const headers: HeadersInit = announced === null ? {} : { "content-length": String(announced) };
  return new Request("http://localhost/", { method: "POST", headers, body });
}

/** Large bodies without a bound. */
const free = { add: () => {} };

const patterned = (length: number) => Uint8Array.from({ length }, (_, index) => index % 251);

Deno.test("bodies of all sizes are read whole, announced or not", async () => {
  for (const length of [0, 1, 4096, 4097, 12_288, 70_000, LARGE]) {
    const bytes = patterned(length);
    for (const announced of [null, length]) {
      const read = await readBytes(requestOf(bytes, announced, 65_536), LARGE, free);
      // Element by element, assertEquals would take seconds.
      assertEquals([read.length, read.every((byte, at) => byte === bytes[at])], [length, true]);
      assertEquals(read.byteLength, read.buffer.byteLength);
    }
  }
  assertEquals(await readBytes(new Request("http://localhost/"), 0, free), new Uint8Array());
});

Deno.test("the chunks of a body of unknown size are not kept: the memory of each may be much larger", async () => {
  const memory = new Uint8Array(65_536);
  let value = 0;
  // A chunk that was kept would change.
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller) {
      memory[0] = value++ % 251;
      if (value <= 1_000) controller.enqueue(memory.subarray(0, 1));
      else controller.close();
    },
  }, { highWaterMark: 0 });
  const read = await readBytes(
    new Request("http://localhost/", { method: "POST", body }),
    LARGE,
    free,
  );
  assertEquals(read, patterned(1_000));
});

/** A request whose body can be read into given memory, as those of connections are. */
function bytesRequestOf(bytes: Uint8Array<ArrayBuffer>, announced: number): Request {
  let at = 0;
  const body = new ReadableStream({
    type: "bytes",
    autoAllocateChunkSize: 65_536,
    pull(controller) {
      const request = controller.byobRequest!;
      const view = request.view as Uint8Array<ArrayBuffer>;
      const part = bytes.subarray(at, at += view.length);
      if (part.length === 0) controller.close();
      else view.set(part);
      request.respond(part.length);
    },
  });
  const headers = { "content-length": String(announced) };
  return new Request("http://localhost/", { method: "POST", headers, body });
}

Deno.test("a large body is read into its own memory", async () => {
  const bytes = patterned(LARGE);
  const read = await readBytes(bytesRequestOf(bytes, LARGE), LARGE, free);
  assertEquals([read.length, read.every((byte, at) => byte === bytes[at])], [LARGE, true]);
  assertEquals(read.buffer.byteLength, LARGE);
  const short = await readBytes(bytesRequestOf(bytes, LARGE + 9), 2 * LARGE, free);
  assertEquals([short.length, short.buffer.byteLength], [LARGE, LARGE]);
  const long = bytesRequestOf(bytes, LARGE - 9);
  await assertRejects(() => readBytes(long, 2 * LARGE, free), HttpError, "larger than");
  const full = {
    add: () => {
      throw new HttpError(503, "full");
    },
  };
  await assertRejects(
    () => readBytes(bytesRequestOf(bytes, LARGE), LARGE, full),
    HttpError,
    "full",
  );
});

Deno.test("a large body that is shorter than announced has its own length", async () => {
  const read = await readBytes(requestOf(patterned(LARGE - 5), LARGE, 65_536), LARGE, free);
  assertEquals(read.buffer.byteLength, LARGE - 5);
});

Deno.test("a body above the limit is refused, also if it announces less", async () => {
  const bytes = patterned(LARGE);
  for (const announced of [null, LARGE, LARGE - 70_000, 10]) {
    const error = await assertRejects(
      () => readBytes(requestOf(bytes, announced, 65_536), LARGE - 70_000, free),
      HttpError,
      "larger than",
    );
    assertEquals(error.status, 413);
  }
});

Deno.test("other work goes on while the chunks of a large body are joined", async () => {
  const request = requestOf(patterned(8 * LARGE), null, 8 * LARGE / 16);
  let turns = 0;
  const timer = setInterval(() => turns++, 0);
  await readBytes(request, Infinity, free);
  clearInterval(timer);
  assertEquals(turns > 5, true);
});

Deno.test("other work goes on while a large body comes as fast as it is read", async () => {
  const bytes = patterned(LARGE);
  for (const request of [bytesRequestOf(bytes, LARGE), requestOf(bytes, LARGE, 65_536)]) {
    let turns = 0;
    const timer = setInterval(() => turns++, 0);
    await readBytes(request, Infinity, free);
    clearInterval(timer);
    assertEquals(turns > 5, true);
  }
});
