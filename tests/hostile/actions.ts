/** What hostile clients do to a server beyond requests with much work, for the measurement of `/health`. */
import { join } from "node:path";
import { delay } from "@std/async/delay";
import { childrenOf, type Server } from "../cli/machine.ts";
import { writeLongModel } from "./inputs.ts";
import { exchange, REQUESTS } from "./raw_requests.ts";
import { CASES, textOf } from "./values.ts";

/** Does something once, for at most a time. Returns the statuses that the server answered. */
export type Action = (server: Server, signal: AbortSignal) => Promise<readonly string[]>;

/** Requests for a plan at the same time, as a page with many images makes them. */
const PLANS = 60;
/** Connections that are held with half a request each, and the time. */
const HALVES = 300;
const HALVES_MS = 3_000;
/** Chunks of a body with a byte each. */
const CHUNKS = 500_000;
/** Milliseconds for which the process of a model is stopped: shorter than its heartbeat allows. */
const STOPPED_MS = 3_000;

const LIAR = "hostile-liar";
const PIPE = "hostile-pipe.gguf";

/** Writes the files that the actions need into a folder of models. */
export async function writeFiles(folder: string): Promise<void> {
  await writeLongModel(join(folder, `${LIAR}.gguf`), 2 ** 31 - 1);
  if (Deno.build.os === "windows") return;
  await new Deno.Command("mkfifo", { args: [join(folder, PIPE)] }).output();
}

/** The text of a request to the built-in model: the server's default model has a hostile template. */
function withModel(text: string): string {
  return text.includes('"model":') ? text : text.replace("{", '{"model":"shimmy-tiny",');
}

const portOf = ({ address }: Server) => Number(address.split(":").at(-1));

async function statusOf(server: Server, path: string, init: RequestInit): Promise<string> {
  try {
    const response = await fetch(server.url(path), init);
    await response.body?.cancel();
    return String(response.status);
  } catch {
    return "none";
  }
}

const post = (server: Server, path: string, signal: AbortSignal, body?: string) =>
  statusOf(server, path, { method: "POST", signal, ...(body === undefined ? {} : { body }) });

/** Half a request on each of many connections, which the server closes or the action does. */
async function halves(server: Server, signal: AbortSignal): Promise<readonly string[]> {
  const head = "POST /api/generate HTTP/1.1\r\nHost: 127.0.0.1\r\n";
  const texts = ["", head, `${head}Content-Length: 100\r\n\r\n{"prompt":`];
  const connections: Deno.TcpConn[] = [];
  try {
    for (let count = 0; count < HALVES; count++) {
      const connection = await Deno.connect({ hostname: "127.0.0.1", port: portOf(server) });
      connections.push(connection);
      await connection.write(new TextEncoder().encode(texts[count % texts.length]!));
    }
    await delay(HALVES_MS, { signal }).catch(() => {});
  } finally {
    for (const connection of connections) connection.close();
  }
  return [];
}

/** A body in chunks of one byte, which is no JSON. */
async function smallChunks(server: Server, signal: AbortSignal): Promise<readonly string[]> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port: portOf(server) });
  const encoder = new TextEncoder();
  const send = async (text: string) => {
    for (let bytes = encoder.encode(text); bytes.length > 0;) {
      bytes = bytes.subarray(await connection.write(bytes));
    }
  };
  await send(
    "POST /api/generate HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n",
  );
  const block = "1\r\n \r\n".repeat(1_000);
  for (let sent = 0; sent < CHUNKS && !signal.aborted; sent += 1_000) await send(block);
  await send("0\r\n\r\n");
  const answer = new Uint8Array(1_024);
  const length = await connection.read(answer) ?? 0;
  return [new TextDecoder().decode(answer.subarray(0, length)).split(" ")[1] ?? "none"];
}

/** A request to a model whose process is stopped meanwhile. */
async function stopped(server: Server, signal: AbortSignal): Promise<readonly string[]> {
  const children = await childrenOf(server.pid);
  const body = withModel('{"prompt":"Hi","max_tokens":1}');
  for (const child of children) Deno.kill(child, "SIGSTOP");
  const answer = post(server, "/api/generate", signal, body);
  await delay(STOPPED_MS, { signal }).catch(() => {});
  for (const child of children) Deno.kill(child, "SIGCONT");
  return [await answer];
}

const isPosix = Deno.build.os !== "windows";

/** The actions by name. */
export const ACTIONS: Readonly<Record<string, Action>> = {
  "values: out of range, or nested 5,000 deep": async (server, signal) => {
    const statuses: string[] = [];
    for (const [path, body] of Object.values(CASES)) {
      statuses.push(await post(server, path, signal, withModel(textOf(body))));
    }
    return statuses;
  },
  "requests: a Host or a target that forms no URL": async (server) => {
    const answers = Object.values(REQUESTS).map(([text]) => exchange(portOf(server), text));
    return (await Promise.all(answers)).map((text) => text.split(" ")[1] ?? "none");
  },
  [`plans: ${PLANS} at once`]: (server, signal) => {
    const plan = () => statusOf(server, "/api/models/shimmy-tiny/plan", { signal });
    return Promise.all(Array.from({ length: PLANS }, plan));
  },
  "model file: a false context length": async (server, signal) => [
    await post(server, `/api/models/${LIAR}/load`, signal),
    await post(server, `/api/models/${LIAR}/unload`, signal),
  ],
  "model folder: a pipe in it": async (
    server,
    signal,
  ) => [await post(server, "/api/models/discover", signal)],
  [`body: ${CHUNKS} chunks of one byte`]: smallChunks,
  [`connections: ${HALVES} with half a request`]: halves,
  ...(isPosix ? { "model process: stopped": stopped } : {}),
};
