/**
 * Measures how long `/health` takes while a server works on hostile inputs, and prints the table of
 * docs/reliability.md.
 *
 *     deno task measure:health [--limit MS] [--only TEXT]
 *
 * The status is 1 if the 99th percentile of an input is above the limit, 100 ms by default. The figures
 * are meaningful on an idle machine only.
 */
import { join } from "node:path";
import { parseArgs } from "@std/cli/parse-args";
import { delay } from "@std/async/delay";
import { table } from "../../scripts/docs/markdown.ts";
import { answerHelp } from "../../scripts/usage.ts";
import { Machine, Server } from "../cli/machine.ts";
import { type Action, ACTIONS, writeFiles } from "./actions.ts";
import type { Order } from "./sender.ts";
import { BODIES, GRAMMARS, SCHEMAS, TEMPLATES, writeModel } from "./inputs.ts";

/** Requests with the same input that run at the same time, and clients of the built-in model. */
const TOGETHER = 4;
const CLIENTS = 256;
/** Milliseconds between two requests to `/health`, and the longest measurement of an input. */
const PAUSE_MS = 10;
const LONGEST_MS = 15_000;
/** Requests to `/health` for an input that is refused fast: it is sent again meanwhile. */
const SAMPLES = 100;

/** A request that is sent several times at once. */
interface RequestInput {
  readonly name: string;
  readonly path: string;
  /** A value, or the text of a body. */
  readonly body: Readonly<Record<string, unknown>> | (() => string);
  /** The content type of the body. Default: that of JSON. */
  readonly type?: string;
  /** Default: {@linkcode TOGETHER}. */
  readonly count?: number;
}

type Input = RequestInput | { readonly name: string; readonly action: Action };

interface Row {
  readonly name: string;
  readonly statuses: string;
  readonly seconds: number;
  readonly samples: number;
  readonly p50: number;
  readonly p99: number;
  readonly most: number;
}

/** The built-in model. */
const TINY = "shimmy-tiny";
const MESSAGES = [{ role: "user", content: "Hi" }];

function inputs(models: ReadonlyMap<string, string>): Input[] {
  const chat = "/v1/chat/completions";
  return [
    ...[...models].map(([name, model]) => ({
      name: `template: ${name}`,
      path: chat,
      body: { model, messages: MESSAGES, max_tokens: 1 },
    })),
    ...Object.entries(SCHEMAS).map(([name, schema]) => ({
      name: `schema: ${name}`,
      path: chat,
      body: {
        model: TINY,
        messages: MESSAGES,
        max_tokens: 1,
        response_format: { type: "json_schema", json_schema: { name: "x", schema } },
      },
    })),
    ...Object.entries(GRAMMARS).map(([name, grammar]) => ({
      name: `grammar: ${name}`,
      path: "/api/generate",
      body: { model: TINY, prompt: "Hi", max_tokens: 1, grammar },
    })),
    ...Object.entries(BODIES).map(([name, { path, text, type }]) => ({
      name: `body: ${name}`,
      path,
      body: text,
      ...(type === undefined ? {} : { type }),
    })),
    ...Object.entries(ACTIONS).map(([name, action]) => ({ name, action })),
    {
      name: `clients: ${CLIENTS} at once`,
      path: "/api/generate",
      body: { model: TINY, prompt: "Tell me a story.", max_tokens: 64 },
      count: CLIENTS,
    },
    { name: "none", path: "/api/generate", body: { model: TINY, prompt: "Hi", max_tokens: 200 } },
  ];
}

function bytesOf({ body }: RequestInput): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(typeof body === "function" ? body() : JSON.stringify(body));
}

/** The statuses of requests with the same body that run at the same time. */
async function send(worker: Worker, order: Order): Promise<readonly string[]> {
  const { promise, resolve, reject } = Promise.withResolvers<readonly string[]>();
  worker.onmessage = ({ data }) => resolve(data);
  worker.onerror = ({ message }) => reject(new Error(message));
  worker.postMessage(order);
  return await promise;
}

/** Sends the requests of an input, or runs its action, for at most some milliseconds. */
function actionOf(server: Server, input: Input) {
  if ("action" in input) {
    return {
      run: (milliseconds: number) => input.action(server, AbortSignal.timeout(milliseconds)),
      [Symbol.dispose]: () => {},
    };
  }
  const worker = new Worker(new URL("./sender.ts", import.meta.url), { type: "module" });
  const { path, count = TOGETHER, type = "application/json" } = input;
  const order = { url: server.url(path), body: bytesOf(input), type, count };
  return {
    run: (milliseconds: number) => send(worker, { ...order, milliseconds }),
    [Symbol.dispose]: () => worker.terminate(),
  };
}

/** Measures `/health` until all requests of an input have their answers. */
async function measure(server: Server, input: Input): Promise<Row> {
  using action = actionOf(server, input);
  const start = performance.now();
  const left = () => LONGEST_MS - (performance.now() - start);
  const times: number[] = [];
  const statuses = new Set<string>();
  do {
    let isDone = false;
    const answers = action.run(Math.max(1, Math.round(left()))).finally(() => isDone = true);
    while (!isDone) {
      const before = performance.now();
      await (await fetch(server.url("/health"))).text();
      times.push(performance.now() - before);
      await delay(PAUSE_MS);
    }
    for (const status of await answers) statuses.add(status);
  } while (times.length < SAMPLES && left() > 0);
  times.sort((a, b) => a - b);
  const at = (share: number) =>
    times[Math.min(times.length - 1, Math.floor(share * times.length))]!;
  return {
    name: input.name,
    statuses: [...statuses].join(", "),
    seconds: (performance.now() - start) / 1000,
    samples: times.length,
    p50: at(0.5),
    p99: at(0.99),
    most: times.at(-1)!,
  };
}

const HEAD = ["input", "statuses", "s", "samples", "p50 ms", "p99 ms", "most ms"];

function cells({ name, statuses, seconds, samples, p50, p99, most }: Row): string[] {
  const figures = [seconds, p50, p99, most].map((value) => value.toFixed(1));
  return [name, statuses, figures[0]!, String(samples), ...figures.slice(1)];
}

async function main(args: readonly string[]): Promise<number> {
  const { limit = "100", only = "" } = parseArgs([...args], { string: ["limit", "only"] }) as {
    limit?: string;
    only?: string;
  };
  await using machine = await Machine.start();
  const folder = join(machine.home, "models");
  await Deno.mkdir(folder);
  const models = new Map<string, string>();
  for (const [index, [name, template]] of Object.entries(TEMPLATES).entries()) {
    models.set(name, `hostile-${index}`);
    await writeModel(join(folder, `hostile-${index}.gguf`), template);
  }
  await writeFiles(folder);
  await using server = await Server.start(machine, ["--port", "0", "--model-dirs", folder]);
  // Each model is loaded before it is measured.
  for (const model of [TINY, ...models.values()]) {
    const body = JSON.stringify({ model, prompt: "Hi", max_tokens: 1 });
    await (await fetch(server.url("/v1/completions"), { method: "POST", body })).text();
  }
  const rows: Row[] = [];
  for (const input of inputs(models).filter(({ name }) => name.includes(only))) {
    const row = await measure(server, input);
    rows.push(row);
    console.error(cells(row).join("  "));
  }
  console.log(table(HEAD, rows.map(cells)));
  return rows.some(({ p99 }) => p99 > Number(limit)) ? 1 : 0;
}

if (import.meta.main) {
  answerHelp(import.meta.url);
  Deno.exit(await main(Deno.args));
}
