import * as z from "zod";
import { controlAnswers } from "../../../answers/mod.ts";
import { type Exchange, json, readJson, type RouteCode } from "../../../http/mod.ts";
import { parseLenient } from "../../../validation/mod.ts";
import { text } from "../completion/fields.ts";

const controlBody = z.strictObject({
  id: text.min(1, { error: "must not be empty" }).describe("Id of the response that is streamed"),
  action: z.literal("reasoning_end", { error: "must be reasoning_end" }),
});

const controlAnswer = z.object({ success: z.boolean(), message: z.string().optional() });

async function control(exchange: Exchange): Promise<Response> {
  const { id } = parseLenient(exchange, controlBody, await readJson(exchange));
  const success = controlAnswers(exchange, id, { type: "end-reasoning" });
  return json({
    success,
    ...(success ? {} : { message: "There is no running completion with this id" }),
  });
}

/** `POST /v1/chat/completions/control`: control of a running chat completion. */
export const controlCompletion: RouteCode = {
  body: controlBody,
  answer: controlAnswer,
  handle: control,
};
