/**
 * Starts a shared store, two RPC workers, three replicas and HAProxy on loopback, sends prompts to the proxy and
 * prints where they went. Then it runs until it is interrupted; with `--once` it ends.
 *
 *     deno task demo:cluster [--model FILE] [--once]
 *
 * Without a model, the built-in one.
 */
import { parseArgs } from "node:util";
import { resolve } from "node:path";
import { table } from "../../../scripts/docs/markdown.ts";
import { has } from "../../packaging/tools.ts";
import { Cluster } from "../cluster.ts";
import { continueElsewhere, converse } from "./conversations.ts";
import { TINY } from "../measure/setup.ts";
import { PARTS } from "./parts.ts";
import { placement } from "./placement.ts";

const NEEDS = [
  {
    program: "haproxy",
    here: await has("haproxy", "-v"),
    from: "the package haproxy of Debian, Ubuntu and Homebrew",
  },
  ...PARTS.map(({ needs }) => needs),
];

/** What the demonstration is asked for. */
interface DemoOptions {
  /** Path of a GGUF file; undefined: the built-in model. */
  readonly model?: string;
  readonly once?: boolean;
}

/** @returns the exit status. */
async function main({ model, once }: DemoOptions): Promise<number> {
  const missing = NEEDS.filter(({ here }) => !here);
  for (const { program, from } of missing) console.error(`${program} is missing: it is in ${from}`);
  if (missing.length > 0) return 1;

  await using stack = new AsyncDisposableStack();
  const replicaArgs = ["--model-path", model === undefined ? TINY : resolve(model)];
  const env: Record<string, string> = {};
  for (const part of PARTS) {
    const running = stack.use(await part.start());
    replicaArgs.push(...running.args);
    Object.assign(env, running.env);
    console.log(running.line);
  }
  const cluster = stack.use(await Cluster.start({ args: replicaArgs, env }));
  for (const name of cluster.names) {
    console.log(
      `replica ${name}: ${cluster.urlOf(name)}, layers on ${await placement(cluster, name)}`,
    );
  }
  console.log(`proxy: ${cluster.url}\n`);
  await demonstrate(cluster);
  if (once) return 0;
  console.log(`\nSend your own prompts to ${cluster.url}. Ctrl-C stops everything.`);
  await interrupted();
  return 0;
}

async function demonstrate(cluster: Cluster): Promise<void> {
  const places = await converse(cluster);
  console.log(table(
    ["prompt", "x-shimmy-replica", "x-shimmy-prefix", "prompt tokens", "cached"],
    places.map(({ prompt, replica, prefix, promptTokens, cachedTokens }) => [
      ...[prompt, replica, prefix, `${promptTokens}`, `${cachedTokens}`],
    ]),
  ));
  const [from, to] = cluster.names;
  const status = await continueElsewhere(cluster, [from!, to!]);
  console.log(`\nA response that replica ${from} stored, continued by replica ${to}: ${status}`);
}

/** Waits for Ctrl-C, or a service manager. */
async function interrupted(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const signals = Deno.build.os === "windows"
    ? ["SIGINT"] as const
    : ["SIGINT", "SIGTERM"] as const;
  for (const signal of signals) Deno.addSignalListener(signal, resolve);
  await promise;
  for (const signal of signals) Deno.removeSignalListener(signal, resolve);
}

/** @throws {TypeError} for an unknown option. */
function parseOptions(args: readonly string[]): DemoOptions {
  return parseArgs({
    args: [...args],
    options: { model: { type: "string" }, once: { type: "boolean" } },
  }).values;
}

if (import.meta.main) {
  let options: DemoOptions;
  try {
    options = parseOptions(Deno.args);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    console.error(error.message);
    Deno.exit(2);
  }
  Deno.exit(await main(options));
}
