import type * as z from "zod";
import type { ModelStore, PullEvent, PullPlan } from "../../../../models/pull/mod.ts";
import { ShimmyError } from "../../../../errors.ts";
import {
  type Exchange,
  HttpError,
  json,
  ndjsonStream,
  parse,
  readJson,
  statusOf,
  toShimmyError,
} from "../../../http/mod.ts";
import { ollamaDialect } from "../dialect.ts";
import { resolveTagged } from "./tagged_name.ts";
import { deleteBody, pullBody } from "../request/schema.ts";

/** Registries that clients may name: a server does not fetch from hosts of a client's choice. */
const REGISTRIES: ReadonlySet<string> = new Set(["registry.ollama.ai", "hf.co", "huggingface.co"]);
/** Milliseconds between two lines about the same file. */
const LINE_MS = 100;

/** A line of `POST /api/pull`. */
type Line = Readonly<Record<string, unknown>>;

/** `POST /api/pull`: lines about its files, then `success`; what a client leaves is kept, and goes on later. */
export async function pull(exchange: Exchange): Promise<Response> {
  const body = parse(pullBody, await readJson(exchange));
  const name = named(body);
  const store = storeOf(exchange);
  const { stopping } = exchange.context;
  const signal = stopping ? AbortSignal.any([exchange.signal, stopping]) : exchange.signal;
  const plan = await store.plan(referenceOf(name), { signal });
  const lines = pulling(store, plan, exchange, signal);
  if (body.stream !== false) return ndjsonStream(told(lines));
  let last: Line = {};
  for await (const line of lines) last = line;
  return json(last);
}

/** `DELETE /api/delete`: what Shimmy pulled, and nothing else. */
export async function remove(exchange: Exchange): Promise<Response> {
  const body = parse(deleteBody, await readJson(exchange));
  const name = named(body);
  const store = storeOf(exchange);
  const { pool } = exchange.context;
  const entry = await resolveTagged(pool, name);
  const removal = await store.removal(entry, name);
  if (!removal.owned) {
    throw new HttpError(
      403,
      `model: '${entry.name}' was not pulled by Shimmy; shimmy rm --yes removes it all the same`,
      { field: "model" },
    );
  }
  await pool.unload(entry);
  await removal.run();
  await pool.rescan();
  return new Response(null, { status: 200 });
}

function storeOf({ context: { store } }: Exchange): ModelStore {
  if (store !== undefined) return store;
  throw new HttpError(501, "This server neither pulls nor removes models");
}

function named({ model, name }: z.output<typeof deleteBody>): string {
  const given = model ?? name;
  if (!given) throw new ShimmyError("invalid", "model: must be text", { field: "model" });
  return given;
}

/** A name as Ollama's clients write it, as a reference. */
function referenceOf(name: string): string {
  if (/^hf:/i.test(name)) return name;
  const parts = name.split("/");
  const refused = name.includes("://") || (parts.length > 2 && !REGISTRIES.has(parts[0]!));
  if (!refused) return `ollama:${name}`;
  const hosts = [...REGISTRIES].join(", ");
  throw new ShimmyError("invalid", `model: a server pulls from ${hosts} alone; see shimmy pull`, {
    field: "model",
  });
}

async function* pulling(
  store: ModelStore,
  plan: PullPlan,
  { context: { pool } }: Exchange,
  signal: AbortSignal,
): AsyncGenerator<Line, void> {
  yield { status: "pulling manifest" };
  for (const file of plan.files) {
    if (file.present) yield aboutFile(file, file.size ?? 0);
  }
  const lines = new Lines();
  const work = store.pull(plan, { signal, onEvent: (event) => lines.see(event) });
  // A failure is thrown where the lines end.
  const ended = work.then(() => lines.end(), () => lines.end());
  yield* lines;
  await ended;
  await work;
  await pool.rescan();
  yield { status: "success" };
}

/** Lines from events, the latest of each file and not too many. */
class Lines {
  readonly #waiting: Line[] = [];
  readonly #times = new Map<string, number>();
  #ended = false;
  #wake: () => void = () => {};

  see(event: PullEvent): void {
    if (event.type === "finish") return this.#add({ status: "writing manifest" });
    const { file, progress } = event;
    if (progress.phase === "wait") return;
    const key = `${progress.phase} ${file.path}`;
    const now = performance.now();
    const early = now - (this.#times.get(key) ?? -Infinity) < LINE_MS;
    if (progress.phase === "check") {
      if (!this.#times.has(key)) this.#add({ status: "verifying sha256 digest" });
      this.#times.set(key, now);
    } else if (!early || progress.bytes === progress.total) {
      this.#times.set(key, now);
      this.#add(aboutFile(file, progress.bytes));
    }
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }

  #add(line: Line): void {
    this.#waiting.push(line);
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Line, void> {
    while (true) {
      yield* this.#waiting.splice(0);
      if (this.#waiting.length > 0) continue;
      if (this.#ended) return;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }
}

function aboutFile(
  { sha256, name, size }: PullPlan["files"][number],
  completed: number,
): Line {
  return {
    status: `pulling ${sha256?.slice(0, 12) ?? name}`,
    ...(sha256 === null ? {} : { digest: `sha256:${sha256}` }),
    ...(size === null ? {} : { total: size }),
    completed,
  };
}

/** Lines of which a failure is the last. */
async function* told(lines: AsyncIterable<Line>): AsyncGenerator<Line, void> {
  try {
    yield* lines;
  } catch (thrown) {
    const error = toShimmyError(thrown);
    yield ollamaDialect.errorBody(error, statusOf(error), "") as Line;
  }
}
