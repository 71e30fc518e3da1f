import type { ModelStore } from "../../../../models/pull/mod.ts";
import type { Sink } from "../../../../engine/mod.ts";
import { type Exchange, HttpError, json, ndjsonStream } from "../../../http/mod.ts";
import { errorLine } from "../dialect.ts";

/** A line of a response about a model that is pulled or created. */
export type Line = Readonly<Record<string, unknown>>;

/** @throws {HttpError} 501 when the server has no store. */
export function storeOf({ context: { store } }: Exchange): ModelStore {
  if (store !== undefined) return store;
  throw new HttpError(
    501,
    "This server has no model store: it cannot pull, create or remove models",
  );
}

/** The name of the model; `name` is the older field. */
export function named(
  { model, name }: {
    readonly model?: string | null | undefined;
    readonly name?: string | null | undefined;
  },
): string {
  return (model || name)!;
}

/** A response with the lines of work, or with the last line alone. An error becomes the last line of a stream. */
export async function lineResponse(
  lines: AsyncIterable<Line>,
  isStreamed: boolean,
): Promise<Response> {
  if (!isStreamed) {
    let last: Line = {};
    for await (const line of lines) last = line;
    return json(last);
  }
  const stream = ndjsonStream();
  void sendLines(lines, stream);
  return stream.response;
}

async function sendLines(lines: AsyncIterable<Line>, stream: Sink<Line>): Promise<void> {
  try {
    for await (const line of lines) {
      stream.event(line);
      stream.flush();
    }
  } catch (thrown) {
    stream.event(errorLine(thrown));
  }
  stream.end();
}
