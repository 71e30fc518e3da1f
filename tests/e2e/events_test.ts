/** `/api/events` of a real server: a process of its own, the real library, the tiny model. */
import { assert, assertEquals, assertGreater } from "@std/assert";
import { ServerSentEventParseStream } from "@std/http/server-sent-event-parse-stream";
import { Machine, Server } from "../cli/machine.ts";

const STORY = {
  prompt: "Tell me a story about a fox.",
  temperature: 0,
  max_tokens: 800,
  ignore_eos: true,
};

Deno.test("events tell the rate of an answer, its end and the log, without prompts and paths", async () => {
  await using machine = await Machine.start();
  await using server = await Server.start(machine, ["--port", "0"]);
  const response = await fetch(server.url("/api/events"));
  const events = response.body!.pipeThrough(
    new ServerSentEventParseStream({ ignoreComments: true }),
  );
  const seen: string[] = [];
  let answer: Promise<Response> | null = null;
  let fastest = 0;
  let finished: { model: string; completion_tokens: number } | undefined;
  for await (const { event, data = "" } of events) {
    seen.push(data);
    const value = JSON.parse(data);
    if (event === "request" && value.route === "/api/generate") finished = value;
    if (event !== "status" || value.models[0]?.state !== "loaded") continue;
    // The counts before the answer are known from here on.
    answer ??= server.generate(STORY);
    fastest = Math.max(fastest, value.completion_per_second);
    if (finished !== undefined) break;
  }
  await (await answer!).body?.cancel();
  assertEquals([finished?.model, finished?.completion_tokens], ["shimmy-tiny", 800]);
  assertGreater(fastest, 0);
  const all = seen.join("\n");
  assert(all.includes(`listens on http://${server.address}`), all);
  assert(!all.includes("fox"), all);
  for (const secret of [machine.home, ".gguf", "main.ts"]) assert(!all.includes(secret), all);
});
