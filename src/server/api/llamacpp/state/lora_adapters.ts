import * as z from "zod";
import { basename } from "node:path";
import { engineFor } from "../../../answers/mod.ts";
import { type Exchange, json, readJson, type RouteCode } from "../../../http/mod.ts";
import { parseLenient } from "../../../validation/mod.ts";
import { loraScales } from "../completion/fields.ts";
import { adapterOf } from "../lora_scales.ts";

const adaptersAnswer = z.array(z.object({
  id: z.int(),
  path: z.string().describe("Name of the file"),
  scale: z.number(),
  task_name: z.string(),
  prompt_prefix: z.string(),
}));

async function list(exchange: Exchange): Promise<Response> {
  const name = exchange.url.searchParams.get("model") ?? undefined;
  const { engine } = await engineFor(exchange, name);
  return json(engine.adapters.map(({ path, scale }, id) => ({
    id,
    path: basename(path),
    scale,
    task_name: "",
    prompt_prefix: "",
  })));
}

/** Sets the scales of all adapters: those that are not listed are turned off. */
async function rescale(exchange: Exchange): Promise<Response> {
  const body = parseLenient(exchange, loraScales, await readJson(exchange));
  const name = exchange.url.searchParams.get("model") ?? undefined;
  const { engine } = await engineFor(exchange, name);
  const scales = new Map(body.map(({ id, scale }) => [adapterOf(engine, id).name, scale]));
  for (const { name } of engine.adapters) {
    await engine.changeAdapters({ action: "scale", name, scale: scales.get(name) ?? 0 });
  }
  return json({ success: true });
}

/** `GET /lora-adapters` of llama-server. */
export const listAdapters: RouteCode = {
  answer: adaptersAnswer,
  handle: list,
};

/** `POST /lora-adapters` of llama-server. */
export const scaleAdapters: RouteCode = {
  body: loraScales,
  answer: z.object({ success: z.literal(true) }),
  handle: rescale,
};
