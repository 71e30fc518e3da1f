import * as z from "zod";
import { engineFor, ownedSession } from "../../../answers/mod.ts";
import { type Exchange, HttpError, type RouteCode } from "../../../http/mod.ts";

const answerSchema = z.object({ name: z.string(), deleted: z.literal(true) });

/**
 * Deletes a session of the key, also one that another model has saved.
 * @throws {HttpError} 404 if there is none.
 */
async function remove(exchange: Exchange): Promise<z.output<typeof answerSchema>> {
  const { params, url } = exchange;
  const name = params.name!;
  const { engine } = await engineFor(exchange, url.searchParams.get("model") ?? undefined);
  if (await engine.deleteSession(ownedSession(exchange, name))) return { name, deleted: true };
  throw new HttpError(404, `Session '${name}' not found`);
}

/** `DELETE /api/sessions/:name` */
export const deleteSession: RouteCode = {
  answer: answerSchema,
  async handle(exchange) {
    return Response.json(await remove(exchange));
  },
};
