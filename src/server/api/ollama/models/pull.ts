import type { ModelStore, PullEvent, PullPlan } from "../../../../models/pull/mod.ts";
import { ShimmyError } from "../../../../errors.ts";
import { type Exchange, HttpError } from "../../../http/mod.ts";
import { WatchedPull } from "./watched_pull.ts";
import { type Line, lineResponse, named, storeOf } from "./store.ts";
import { resolveTagged } from "./tagged_name.ts";
import { readBody } from "../request/parse_body.ts";
import { deleteBody, pullBody } from "../request/schema.ts";

/** Registries that clients may name: the server does not fetch from arbitrary hosts. */
const REGISTRIES: ReadonlySet<string> = new Set(["registry.ollama.ai", "hf.co", "huggingface.co"]);
/** Minimum milliseconds between two lines about the same file. */
const LINE_INTERVAL = 100;

/** `POST /api/pull`: progress of each file, then `success`. A later request resumes an aborted pull. */
export async function pull(exchange: Exchange): Promise<Response> {
  const body = await readBody(exchange, pullBody);
  const name = named(body);
  const store = storeOf(exchange);
  const { stopping } = exchange.context;
  const signal = stopping ? AbortSignal.any([exchange.signal, stopping]) : exchange.signal;
  const plan = await store.plan(referenceOf(name), { signal });
  const lines = pullLines(store, plan, exchange, signal);
  return await lineResponse(lines, body.stream !== false);
}

/** `DELETE /api/delete`: removes a model that Shimmy pulled. */
export async function remove(exchange: Exchange): Promise<Response> {
  const body = await readBody(exchange, deleteBody);
  const name = named(body);
  const store = storeOf(exchange);
  const { pool } = exchange.context;
  const entry = await resolveTagged(pool, name);
  const removal = await store.removal(entry, name);
  if (!removal.owned) {
    throw new HttpError(
      403,
      `model: '${entry.name}' was not pulled by Shimmy; shimmy rm --yes removes it anyway`,
      { field: "model" },
    );
  }
  await pool.unload(entry);
  await removal.run();
  await pool.rescan();
  return new Response(null, { status: 200 });
}

/** The pull reference of a name in Ollama's form. */
function referenceOf(name: string): string {
  if (/^hf:/i.test(name)) return name;
  const parts = name.split("/");
  const isForeign = name.includes("://") || (parts.length > 2 && !REGISTRIES.has(parts[0]!));
  if (!isForeign) return `ollama:${name}`;
  const hosts = [...REGISTRIES].join(", ");
  throw new ShimmyError(
    "invalid",
    `model: the server pulls only from ${hosts}; use shimmy pull for other hosts`,
    {
      field: "model",
    },
  );
}

async function* pullLines(
  store: ModelStore,
  plan: PullPlan,
  { context: { pool, activity } }: Exchange,
  signal: AbortSignal,
): AsyncGenerator<Line, void> {
  yield { status: "pulling manifest" };
  for (const file of plan.files) {
    if (file.present) yield fileProgress(file, file.size ?? 0);
  }
  const lines = new ProgressLines();
  const watched = new WatchedPull(activity?.pull(plan.reference), plan);
  const onEvent = (event: PullEvent) => {
    lines.onEvent(event);
    watched.onEvent(event);
  };
  const work = store.pull(plan, { signal, onEvent });
  // An error is thrown after the last line.
  const ended = work.then(() => watched.end(), (error) => watched.end(error))
    .finally(() => lines.end());
  yield* lines;
  await ended;
  await work;
  await pool.rescan();
  yield { status: "success" };
}

/** Progress events as lines, at most one per file and interval. */
class ProgressLines {
  readonly #pending: Line[] = [];
  readonly #times = new Map<string, number>();
  #ended = false;
  #wake: () => void = () => {};

  onEvent(event: PullEvent): void {
    if (event.type === "finish") return this.#add({ status: "writing manifest" });
    const { file, progress } = event;
    if (progress.phase === "wait") return;
    const key = `${progress.phase} ${file.path}`;
    const now = performance.now();
    const early = now - (this.#times.get(key) ?? -Infinity) < LINE_INTERVAL;
    if (progress.phase === "check") {
      if (!this.#times.has(key)) this.#add({ status: "verifying sha256 digest" });
      this.#times.set(key, now);
    } else if (!early || progress.bytes === progress.total) {
      this.#times.set(key, now);
      this.#add(fileProgress(file, progress.bytes));
    }
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }

  #add(line: Line): void {
    this.#pending.push(line);
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Line, void> {
    while (true) {
      yield* this.#pending.splice(0);
      if (this.#pending.length > 0) continue;
      if (this.#ended) return;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }
}

function fileProgress(
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
