import type { Sink } from "../../src/engine/sink.ts";

/** Sends events to a sink as an engine does: an error, or an exception of the sink, ends them. */
export function feed<E>(sink: Sink<E>, events: readonly (E | Error)[]): void {
  try {
    for (const event of events) {
      if (event instanceof Error) throw event;
      sink.event(event);
      sink.flush();
    }
  } catch (error) {
    return sink.end(error);
  }
  sink.end();
}
