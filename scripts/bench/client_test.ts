import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { decodeRate, firstToken, gaps, stream } from "./client.ts";

/** Serves one body in the given pieces and calls back with the address. */
async function serving(
  pieces: readonly string[],
  status: number,
  use: (url: string) => Promise<void>,
): Promise<void> {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, () => {
    const body = ReadableStream.from(pieces.map((piece) => new TextEncoder().encode(piece)));
    return new Response(body, { status });
  });
  try {
    await use(`http://127.0.0.1:${server.addr.port}/`);
  } finally {
    await server.shutdown();
  }
}

const chunk = (text: string) => `data: ${JSON.stringify({ choices: [{ text }] })}\n\n`;
const USAGE = 'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4}}\n\n';

Deno.test("a stream is parsed from any chunks", async () => {
  const whole = chunk("a") + chunk("") + chunk("b") + ": ping\n\n" + chunk("c") + USAGE +
    "data: [DONE]\n\n";
  const pieces = whole.match(/[^]{1,17}/g)!;
  await serving(pieces, 200, async (url) => {
    const counts: number[] = [];
    const answer = await stream(url, {}, (count) => counts.push(count));
    assertEquals([answer.text, answer.tokens, answer.promptTokens], ["abc", 4, 3]);
    assertEquals(counts.at(-1), 7);
    assertEquals(counts.toSorted((a, b) => a - b), counts);
    assertEquals(gaps(answer).length, 2);
    assert(firstToken(answer) > 0);
    const seconds = (answer.times[2]! - answer.times[0]!) / 1000;
    assertAlmostEquals(decodeRate(answer), 3 / seconds, 1e-6);
  });
});

Deno.test("chat deltas count as text", async () => {
  const delta = 'data: {"choices":[{"delta":{"content":"x"}}]}\n\n';
  const role = 'data: {"choices":[{"delta":{"role":"assistant","content":null}}]}\n\n';
  await serving([role, delta, delta, USAGE, "data: [DONE]\n\n"], 200, async (url) => {
    assertEquals((await stream(url, {})).text, "xx");
  });
});

Deno.test("refusals, failures and broken streams are errors", async () => {
  const cases: readonly (readonly [string[], number, string])[] = [
    [['{"error":"no"}'], 400, "400 from"],
    [[chunk("a"), 'data: {"error":{"message":"boom"}}\n\n'], 200, "boom"],
    [[chunk("a")], 200, "ended before"],
    [[chunk("a"), "data: [DONE]\n\n"], 200, "usage"],
  ];
  for (const [pieces, status, message] of cases) {
    await serving(pieces, status, async (url) => {
      await assertRejects(() => stream(url, {}), Error, message);
    });
  }
});
