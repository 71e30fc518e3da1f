import * as fc from "test:fast-check";
import type { Json } from "../mutation/json_edits.ts";
import type { Problem } from "./problem.ts";
import { exchange, type Received } from "./exchange.ts";
import { WatchedServer } from "./watched_server.ts";

/** The built-in model. */
export const TINY = "shimmy-tiny";

/** A context in which every answer ends soon. */
const OPTIONS = ["--ctx", "256", "--gpu-backend", "cpu"];

/** A server with the built-in model, which is loaded. */
export async function startTinyServer(
  args: (home: string) => readonly string[] = () => [],
): Promise<WatchedServer> {
  const server = await WatchedServer.start(({ home }) => [...OPTIONS, ...args(home)]);
  await generate(server, { prompt: "Hi", max_tokens: 1 });
  return server;
}

/** Sends a native request that must be answered, or refused with 400. */
export async function generate(
  server: WatchedServer,
  body: Readonly<Record<string, unknown>>,
  inspect?: (received: Received) => Problem | null,
): Promise<Problem | null> {
  return await exchange(server, {
    method: "POST",
    path: "/api/generate",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: TINY, ...body }),
    isDocumented: (status) => [200, 400, 413, 503].includes(status),
  }, inspect);
}

/** Sends a native request that must be answered. */
export async function mustGenerate(
  server: WatchedServer,
  body: Readonly<Record<string, unknown>>,
  inspect: (answer: GenerateAnswer) => Problem | null = () => null,
): Promise<Problem | null> {
  return await generate(
    server,
    body,
    ({ status, text }) =>
      status === 200
        ? inspect(JSON.parse(text))
        : { kind: "status", message: `a valid request gave ${status}: ${text.slice(0, 300)}` },
  );
}

/** The parts of an answer that targets look at. */
export interface GenerateAnswer {
  readonly response: string;
  readonly finish_reason: string;
  readonly usage: { readonly cached_tokens: number };
  readonly notices?: readonly string[];
}

/** Values of members of requests that random texts would not hit. */
export const KNOWN: Readonly<Record<string, readonly Json[]>> = {
  model: [TINY, TINY, TINY, TINY, `${TINY}:latest`, "none"],
  ...Object.fromEntries(
    ["max_tokens", "max_completion_tokens", "max_output_tokens", "num_predict", "n_predict"]
      .map((name) => [name, [1, 2, 8, 16]]),
  ),
  n: [1, 2, 3],
  best_of: [1, 2],
  prompt: ["Hi", "Tell me a story about a fox.", ["Hi", "Ho"], [1, 2, 3]],
  query: ["Hi"],
  session: ["a", "b"],
};

/** A list of members of a schema and of its parts, for edits. */
export function memberNames(schema: unknown, found = new Set<string>()): Set<string> {
  if (typeof schema !== "object" || schema === null) return found;
  const { properties } = schema as { properties?: object };
  for (const name of Object.keys(properties ?? {})) found.add(name);
  for (const inner of Object.values(schema)) memberNames(inner, found);
  return found;
}

/** A record of JSON values. */
export function record<T extends object>(
  parts: { [K in keyof T]: fc.Arbitrary<T[K]> },
): fc.Arbitrary<T> {
  return fc.record(parts, { noNullPrototype: true }) as fc.Arbitrary<T>;
}
