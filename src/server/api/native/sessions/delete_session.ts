import * as z from "zod";
import { engineFor, ownedSession, slotSession } from "../../../answers/mod.ts";
import { type Exchange, HttpError, type RouteCode } from "../../../http/mod.ts";

const answerSchema = z.object({ name: z.string(), deleted: z.literal(true) });

const SLOT = slotSession("");

/**
 * Deletes a session of the key, also one that another model has saved. A name that begins with `slot:` is that of
 * a saved slot for keys that may save slots.
 *
 * @throws {HttpError} 404 if there is none.
 */
async function remove(exchange: Exchange): Promise<z.output<typeof answerSchema>> {
  const { params, url } = exchange;
  const name = params.name!;
  const { engine } = await engineFor(exchange, url.searchParams.get("model") ?? undefined);
  const { key } = exchange;
  const isSlot = name.startsWith(SLOT) && (key === null || key.scopes.includes("admin"));
  const session = isSlot ? name : ownedSession(exchange, name);
  if (await engine.deleteSession(session)) return { name, deleted: true };
  throw new HttpError(404, `Session '${name}' not found`);
}

/** `DELETE /api/sessions/:name` */
export const deleteSession: RouteCode = {
  answer: answerSchema,
  async handle(exchange) {
    return Response.json(await remove(exchange));
  },
};
