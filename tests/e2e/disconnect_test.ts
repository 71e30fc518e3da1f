/** Clients that disconnect from a real server: the slot is free long before the end of the answer, in every phase. */
import { assertEquals, assertLess } from "@std/assert";
import { Machine, Server } from "../cli/machine.ts";
import { RawClient } from "../support/raw_client.ts";

const STORY = {
  prompt: "Tell me a story about a fox.",
  temperature: 0,
  max_tokens: 15_000,
  ignore_eos: true,
};
/** Thousands of tokens: prefill takes seconds. */
const LONG = { ...STORY, prompt: "the fox runs over a hill and ".repeat(800) };

/** Deno reads the first with the head. The second arrives later, and Deno 2.9 reports no disconnect. */
const SENDINGS = [{ size: 200 }, { size: 30_000, split: true }];

interface Sequences {
  readonly running: number;
  readonly prefilling: number;
  readonly queued: number;
}

/** Tokens that are computed at most until a slot is free: a third of an answer. */
const MOST_TOKENS = 5_000;

/** Waits until the model has these counts of sequences; returns the tokens that it has generated. */
async function reach(server: Server, wanted: Partial<Sequences>): Promise<number> {
  const began = performance.now();
  while (true) {
    const { models } = await (await fetch(server.url("/diag"))).json();
    const sequences: Sequences = models[0].sequences;
    const tokens: number = models[0].statistics.completion_tokens;
    const names = Object.keys(wanted) as (keyof Sequences)[];
    if (names.every((name) => sequences[name] === wanted[name])) return tokens;
    assertLess(performance.now() - began, 60_000, `still ${JSON.stringify(sequences)}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

Deno.test("a client that disconnects during queueing, prefill or decoding frees its slot", async () => {
  await using machine = await Machine.start();
  const args = ["--port", "0", "--parallel", "1", "--ctx", "16384"];
  await using server = await Server.start(machine, args);
  const port = Number(server.address.split(":").at(-1));
  await (await server.generate({ prompt: "Hi", max_tokens: 1 })).body?.cancel();
  const send = async (body: object, how: object) => {
    const client = await RawClient.connect(port);
    await client.post({ path: "/api/generate", body, ...how });
    return client;
  };

  for (const how of SENDINGS) {
    for (const stream of [false, true]) {
      using running = await send({ ...STORY, stream }, how);
      await reach(server, { running: 1, prefilling: 0, queued: 0 });

      using waiting = await send({ ...STORY, stream }, how);
      const begun = await reach(server, { running: 1, queued: 1 });
      waiting.close();
      const unqueued = await reach(server, { queued: 0 });
      assertLess(unqueued - begun, MOST_TOKENS);
      // The running request goes on.
      await reach(server, { running: 1 });

      running.close();
      const stopped = await reach(server, { running: 0, prefilling: 0, queued: 0 });
      assertLess(stopped - begun, MOST_TOKENS);

      using reading = await send({ ...LONG, stream }, how);
      await reach(server, { prefilling: 1 });
      reading.close();
      const given = await reach(server, { running: 0, prefilling: 0, queued: 0 });
      assertLess(given - stopped, MOST_TOKENS);
    }
  }
  const next = await (await server.generate({ prompt: "What is the capital of France?" })).json();
  assertEquals(next.done, true);
});
