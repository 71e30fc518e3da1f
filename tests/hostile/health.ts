/**
 * Measures how long `/health` takes while a server works on hostile inputs.
 *
 *     deno task measure:health [--limit MS]
 *
 * The status is 1 if the 99th percentile of an input is above the limit, 100 ms by default. The figures
 * are meaningful on an idle machine only.
 */
import { join } from "@std/path";
import { delay } from "@std/async/delay";
import { Machine, Server } from "../cli/machine.ts";
import { GRAMMARS, SCHEMAS, TEMPLATES, writeModel } from "./inputs.ts";

/** Requests with the same input that run at the same time. */
const TOGETHER = 4;
/** Milliseconds between two requests to `/health`, and the longest measurement of an input. */
const PAUSE_MS = 10;
const LONGEST_MS = 15_000;

interface Input {
  readonly name: string;
  readonly path: string;
  readonly body: unknown;
}

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
    { name: "none", path: "/api/generate", body: { model: TINY, prompt: "Hi", max_tokens: 200 } },
  ];
}

async function send(server: Server, { path, body }: Input, signal: AbortSignal): Promise<string> {
  try {
    const response = await fetch(server.url(path), {
      method: "POST",
      body: JSON.stringify(body),
      signal,
    });
    await response.text();
    return String(response.status);
  } catch {
    return "none";
  }
}

/** Measures `/health` until all requests of an input have their answers. */
async function measure(server: Server, input: Input): Promise<Row> {
  const abort = new AbortController();
  const start = performance.now();
  let isDone = false;
  const answers = Promise.all(
    Array.from({ length: TOGETHER }, () => send(server, input, abort.signal)),
  ).finally(() => isDone = true);
  const times: number[] = [];
  while (!isDone && performance.now() - start < LONGEST_MS) {
    const before = performance.now();
    await (await fetch(server.url("/health"))).text();
    times.push(performance.now() - before);
    await delay(PAUSE_MS);
  }
  abort.abort();
  const statuses = [...new Set(await answers)].join(", ");
  times.sort((a, b) => a - b);
  const at = (share: number) =>
    times[Math.min(times.length - 1, Math.floor(share * times.length))]!;
  return {
    name: input.name,
    statuses,
    seconds: (performance.now() - start) / 1000,
    samples: times.length,
    p50: at(0.5),
    p99: at(0.99),
    most: times.at(-1)!,
  };
}

function print({ name, statuses, seconds, samples, p50, p99, most }: Row): void {
  const ms = (value: number) => value.toFixed(1);
  console.log(
    `| ${name} | ${statuses} | ${seconds.toFixed(1)} | ${samples} | ${ms(p50)} | ${ms(p99)} | ${
      ms(most)
    } |`,
  );
}

async function main(args: readonly string[]): Promise<number> {
  const limit = Number(args[args.indexOf("--limit") + 1] ?? 100) || 100;
  await using machine = await Machine.start();
  const folder = join(machine.home, "models");
  await Deno.mkdir(folder);
  const models = new Map<string, string>();
  for (const [index, [name, template]] of Object.entries(TEMPLATES).entries()) {
    models.set(name, `hostile-${index}`);
    await writeModel(join(folder, `hostile-${index}.gguf`), template);
  }
  await using server = await Server.start(machine, ["--port", "0", "--model-dirs", folder]);
  // Each model is loaded before it is measured.
  const idle = {
    name: "",
    path: "/api/generate",
    body: { model: TINY, prompt: "Hi", max_tokens: 1 },
  };
  await send(server, idle, new AbortController().signal);
  for (const model of models.values()) {
    const body = { model, prompt: "Hi", max_tokens: 1 };
    await send(server, { ...idle, path: "/v1/completions", body }, new AbortController().signal);
  }
  console.log("| input | statuses | s | samples | p50 ms | p99 ms | most ms |");
  console.log("| --- | --- | ---: | ---: | ---: | ---: | ---: |");
  let isSlow = false;
  for (const input of inputs(models)) {
    const row = await measure(server, input);
    print(row);
    isSlow ||= row.p99 > limit;
  }
  return isSlow ? 1 : 0;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
