import * as z from "zod";
import type { Engine } from "../../../engine/mod.ts";
import type { AdapterChange } from "../../../engine/protocol/mod.ts";
import type { ModelEntry } from "../../../models/entry/mod.ts";
import type { AdapterFile } from "../../../models/registry/mod.ts";
import { adapterJson, adapterNotFound, engineForEntry } from "../../answers/mod.ts";
import { type Exchange, readJson, type RouteCode } from "../../http/mod.ts";
import { parseStrict } from "../../validation/mod.ts";

const layers = z.tuple([z.int(), z.int()], {
  error: "must be the first and the last layer, such as [8, 24]",
});

const answerSchema = z.object({
  model: z.string(),
  loaded: z.boolean(),
  adapters: z.array(z.object({
    name: z.string(),
    kind: z.enum(["lora", "control-vector"]),
    scale: z.number(),
    layers: layers.optional().describe("Layers that a control vector changes"),
    digest: z.string().describe("SHA-256 of the file"),
  })),
  available: z.array(z.string()),
});

const SCALE_ERROR = "must be a number from -10 to 10";

/** The body of `POST /api/lora`. */
const changeSchema = z.strictObject({
  model: z.string({ error: "must be text" }).nullish().describe("Default: the default model"),
  name: z.string({ error: "must be text" }).min(1, { error: "must not be empty" })
    .describe(
      "Name of a LoRA adapter or control vector that is loaded, configured for the model, or in a " +
        "model folder",
    ),
  scale: z.number({ error: SCALE_ERROR }).min(-10, { error: SCALE_ERROR })
    .max(10, { error: SCALE_ERROR }).nullish()
    .describe(
      "Scale for requests without lora; 0 applies it only to requests that name it. Default 1",
    ),
  layers: layers.nullish()
    .describe("First and last layer that a control vector changes, counted from 1"),
  unload: z.boolean({ error: "must be true or false" }).nullish()
    .describe("Unload the adapter; running requests keep it until they end"),
});

type Change = z.output<typeof changeSchema>;

/** `GET /api/lora` */
export const listAdapters: RouteCode = {
  answer: answerSchema,
  async handle({ context: { pool }, url }) {
    const entry = await pool.resolve(url.searchParams.get("model") ?? undefined);
    return stateOf(entry, pool.state(entry).engine, await pool.adapters(entry));
  },
};

/** `POST /api/lora` */
export const changeAdapters: RouteCode = {
  body: changeSchema,
  answer: answerSchema,
  handle: change,
};

function stateOf(
  entry: ModelEntry,
  engine: Pick<Engine, "adapters"> | null,
  files: readonly AdapterFile[],
): Response {
  return Response.json({
    model: entry.name,
    loaded: engine !== null,
    adapters: engine?.adapters.map(adapterJson) ?? [],
    available: files.map(({ name }) => name),
  });
}

async function change(exchange: Exchange): Promise<Response> {
  const { pool } = exchange.context;
  const body = parseStrict(changeSchema, await readJson(exchange));
  const entry = await pool.resolve(body.model ?? undefined);
  const files = await pool.adapters(entry);
  const engine = await engineForEntry(exchange, entry);
  await engine.changeAdapters(changeOf(body, files, engine));
  return stateOf(entry, engine, files);
}

/** Clients name adapters that were discovered or configured, never paths. */
function changeOf(
  { name, scale, layers, unload }: Change,
  files: readonly AdapterFile[],
  engine: Engine,
): AdapterChange {
  const known = name.toLowerCase();
  const isLoaded = engine.adapters.some((adapter) => adapter.name === known);
  const file = files.find((one) => one.name === known);
  if (!isLoaded && (unload || file === undefined)) {
    throw adapterNotFound(name, files, engine, "name");
  }
  if (unload) return { action: "unload", name };
  const how = { scale: scale ?? 1, layers: layers ?? undefined };
  return isLoaded || file === undefined
    ? { action: "scale", name, ...how }
    : { action: "load", ...file, ...how };
}
