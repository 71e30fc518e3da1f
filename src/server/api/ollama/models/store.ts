import type { ModelStore } from "../../../../models/pull/mod.ts";
import { type Exchange, HttpError, statusOf, toShimmyError } from "../../../http/mod.ts";
import { ollamaDialect } from "../dialect.ts";

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

/** The lines; an error becomes the last line. */
export async function* withErrorLine(lines: AsyncIterable<Line>): AsyncGenerator<Line, void> {
  try {
    yield* lines;
  } catch (thrown) {
    const error = toShimmyError(thrown);
    yield ollamaDialect.errorBody(error, statusOf(error), "") as Line;
  }
}
