import type { ActivityEvent, PullStatus } from "../../../activity/mod.ts";
import { uptimeSeconds } from "./diagnosis.ts";
import type { EventData, eventSchemas } from "./schema.ts";
import { isVisible, type Snapshot, type StateChange } from "./status_feed.ts";

/** An event in the spelling of the API. */
export interface NamedEvent {
  readonly event: keyof typeof eventSchemas;
  readonly data: unknown;
}

/** The parts of a snapshot that a key may see. */
interface Seen extends Snapshot {
  /** The models that the key may use; absent: all. */
  readonly patterns: readonly string[] | undefined;
  readonly pulls: readonly PullStatus[];
  readonly missed: number;
}

/** The event `status`. Sums are those of the models that the key may use. */
export function statusEvent(seen: Seen): NamedEvent {
  const models = seen.models.filter((model) => isVisible(seen.patterns, model));
  const sum = (of: (model: typeof models[number]) => number | undefined) =>
    models.reduce((total, model) => total + (of(model) ?? 0), 0);
  const data: EventData<"status"> = {
    time: new Date().toISOString(),
    uptime_seconds: uptimeSeconds(),
    memory: memoryOf(),
    requests: {
      running: sum(({ figures }) => figures.queue?.running),
      waiting: sum(({ figures }) => figures.queue?.waiting),
    },
    prompt_per_second: sum(({ rates }) => rates.prompt_per_second),
    completion_per_second: sum(({ rates }) => rates.completion_per_second),
    models: models.map(({ figures, rates }) => ({ ...figures, ...rates })) as EventData<
      "status"
    >["models"],
    pulls: [...seen.pulls],
    missed: seen.missed,
  };
  return { event: "status", data };
}

/** The event `model`. */
export function changeEvent({ names: _, ...change }: StateChange): NamedEvent {
  return { event: "model", data: { time: new Date().toISOString(), ...change } };
}

/** An event of the activity, or null for one that a key that is limited to models may not see. */
export function activityEvent(
  event: ActivityEvent,
  patterns: readonly string[] | undefined,
): NamedEvent | null {
  const time = new Date(event.time).toISOString();
  if (event.type === "request") {
    const { model, ...rest } = event.request;
    if (patterns !== undefined && (model === null || !isVisible(patterns, { names: [model] }))) {
      return null;
    }
    const data: EventData<"request"> = {
      time,
      request_id: rest.requestId,
      method: rest.method,
      route: rest.route,
      status: rest.status,
      model,
      prompt_tokens: rest.promptTokens,
      completion_tokens: rest.completionTokens,
      duration_ms: Math.round(rest.durationMs),
    };
    return { event: "request", data };
  }
  // Errors, log lines and pulls may name any model.
  if (patterns !== undefined) return null;
  if (event.type === "error") {
    const { requestId, status, message } = event.request;
    return { event: "error", data: { time, request_id: requestId, status, message } };
  }
  const { type, ...rest } = event;
  return { event: type, data: { ...rest, time } };
}

function memoryOf(): EventData<"status">["memory"] {
  const process_bytes = Deno.memoryUsage().rss;
  try {
    const { available, total } = Deno.systemMemoryInfo();
    return { process_bytes, available_bytes: available, total_bytes: total };
  } catch {
    // Without --allow-sys.
    return { process_bytes, available_bytes: null, total_bytes: null };
  }
}
