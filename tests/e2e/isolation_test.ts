/** What the death of a model's process does to its clients, and that of the server to the process. */
import { assertEquals, assertLess, assertMatch } from "@std/assert";
import { childrenOf, Machine, Server } from "../cli/machine.ts";
import { FrameSocket } from "./frame_socket.ts";

/** The processes' ids are read from Linux's `/proc`. */
const ignore = Deno.build.os !== "linux";

const DEATH = "The model's process ended by SIGKILL";
const STORY = "Tell me a story about a fox.";
const MESSAGES = [{ role: "user", content: STORY }];
/** Far from its end when the process is killed. */
const ENDLESS = { temperature: 0, max_tokens: 900, ignore_eos: true, stream: true };

/** A server and the process of its model, which is loaded. */
async function serve(...args: string[]) {
  const stack = new AsyncDisposableStack();
  const machine = stack.use(await Machine.start());
  const server = stack.use(await Server.start(machine, ["--port", "0", ...args]));
  assertEquals(await reply(server), "The capital of France is Paris.");
  const [child] = await childrenOf(server.pid);
  return { server, child: child!, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

async function reply(server: Server): Promise<string> {
  const prompt = "What is the capital of France?";
  return (await (await server.generate({ prompt, temperature: 0 })).json()).response;
}

function send(server: Server, path: string, body: unknown): Promise<Response> {
  return fetch(server.url(path), { method: "POST", body: JSON.stringify(body) });
}

/** What a stream sends after its first piece. */
async function restOf(response: Response): Promise<() => Promise<string>> {
  assertEquals(response.status, 200);
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = (await reader.read()).value!;
  return async () => {
    for (let next; !(next = await reader.read()).done;) text += next.value;
    return text;
  };
}

Deno.test({
  name: "a process that is killed under load ends each of its streams with an error",
  ignore,
  async fn() {
    await using running = await serve("--parallel", "8");
    const { server, child } = running;
    const starts = [
      send(server, "/api/generate", { ...ENDLESS, prompt: STORY }),
      send(server, "/api/generate", { ...ENDLESS, prompt: STORY, stream_format: "json" }),
      send(server, "/api/generate", { ...ENDLESS, prompt: STORY, stream_format: "ndjson" }),
      send(server, "/v1/completions", { ...ENDLESS, prompt: STORY }),
      send(server, "/v1/chat/completions", { ...ENDLESS, messages: MESSAGES }),
      send(server, "/v1/chat/completions", { ...ENDLESS, messages: MESSAGES, n: 2 }),
    ];
    await using socket = await FrameSocket.open(
      server.url("/ws/generate").replace(/^http/, "ws"),
    );
    socket.send({ ...ENDLESS, prompt: STORY, stream_format: "json" });
    await socket.frame();
    const rests = await Promise.all((await Promise.all(starts)).map(restOf));
    Deno.kill(child, "SIGKILL");

    const [tokens, events, ndjson, ...openai] = await Promise.all(rests.map((rest) => rest()));
    const error = JSON.stringify({ error: DEATH });
    for (const text of [tokens!, events!]) {
      assertEquals(text.split("\n\n").at(-2), `event: error\ndata: ${error}`);
      assertEquals(text.includes("[DONE]"), false);
    }
    assertEquals(ndjson!.trim().split("\n").at(-1), error);
    assertEquals(openai.length, 3);
    for (const text of openai) {
      const last = JSON.parse(text.trim().split("\n").at(-1)!.replace("data: ", ""));
      assertEquals([last.error.message, last.error.code], [DEATH, "backend_error"]);
      assertEquals(text.includes("[DONE]"), false);
    }
    let frame: unknown;
    do frame = await socket.frame(); while (!(frame as { error?: string }).error);
    assertEquals(frame, { error: DEATH });

    // The next request loads the model again, and the socket is still of use.
    assertEquals(await reply(server), "The capital of France is Paris.");
    socket.send({ prompt: "Hello", temperature: 0 });
    assertEquals((await socket.answer()).text, "Hello! How can I help you today?");
    const [next] = await childrenOf(server.pid);
    assertEquals(next === child, false);
  },
});

Deno.test({
  name: "answers that have not begun when their process is killed are 502 in each dialect's shape",
  ignore,
  async fn() {
    await using running = await serve("--parallel", "4");
    const { server, child } = running;
    // It takes no more from now on, so that no answer can begin.
    Deno.kill(child, "SIGSTOP");
    const body = { model: "shimmy-tiny", messages: MESSAGES, max_tokens: 20 };
    const answers = [true, false].flatMap((stream) => [
      send(server, "/api/generate", { prompt: STORY, stream }),
      send(server, "/v1/chat/completions", { ...body, stream }),
      send(server, "/v1/messages", { ...body, stream }),
      send(server, "/api/chat", { model: body.model, messages: MESSAGES, stream }),
    ]);
    // The queue counts an answer once it is on its way to the process.
    await waiting(server, 8);
    Deno.kill(child, "SIGKILL");
    const responses = await Promise.all(answers);
    const told = await Promise.all(responses.map(async (response) => [
      response.status,
      await response.json(),
    ]));
    for (const [native, openai, anthropic, ollama] of [told.slice(0, 4), told.slice(4)]) {
      assertEquals(native, [502, { error: DEATH }]);
      assertEquals(ollama, [502, { error: DEATH }]);
      const error = { message: DEATH, type: "server_error", param: null, code: "backend_error" };
      assertEquals(openai, [502, { error }]);
      const { request_id, ...rest } = anthropic![1];
      assertMatch(request_id, /./);
      assertEquals([anthropic![0], rest], [502, {
        type: "error",
        error: { type: "api_error", message: DEATH },
      }]);
    }
    assertEquals(await reply(server), "The capital of France is Paris.");
  },
});

/** Waits until so many answers run or wait, as the server counts them. */
async function waiting(server: Server, count: number): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (true) {
    // The process is stopped and does not tell its part.
    const { models } = await (await fetch(server.url("/diag"))).json();
    const { queue, sequences } = models[0];
    assertEquals(sequences, undefined);
    // The request that warms the server up may be one more.
    if (queue.running + queue.waiting >= count) return;
    assertLess(performance.now(), deadline, `still ${JSON.stringify(queue)}`);
  }
}

Deno.test({
  name: "a model's process ends within seconds of its server's death, also amid an answer",
  ignore,
  async fn() {
    await using running = await serve();
    const { server, child } = running;
    const stream = await send(server, "/api/generate", { ...ENDLESS, prompt: STORY });
    const rest = await restOf(stream);
    server.kill("SIGKILL");
    await rest().catch(() => {});
    const deadline = performance.now() + 30_000;
    while (await isAlive(child)) assertLess(performance.now(), deadline, "it outlives its parent");
  },
});

/** Whether there is such a process that has not ended; one whose parent has not asked yet has. */
async function isAlive(pid: number): Promise<boolean> {
  const { stdout } = await new Deno.Command("sh", {
    args: ["-c", `cat /proc/${pid}/stat 2>/dev/null`],
  }).output();
  const state = new TextDecoder().decode(stdout).split(") ")[1]?.[0];
  return state !== undefined && state !== "Z" && state !== "X";
}
