import * as z from "zod";
import type { Engine } from "../../../engine/mod.ts";
import type { AdapterChange } from "../../../engine/protocol/mod.ts";
import type { ModelEntry } from "../../../models/entry/mod.ts";
import type { AdapterFile } from "../../../models/registry/mod.ts";
import { adapterJson, adapterNotFound, engineForEntry } from "../../answers/mod.ts";
import { type Exchange, parse, readJson, type Route } from "../../http/mod.ts";
import { nativeDialect } from "./dialect.ts";

const layers = z.tuple([z.int(), z.int()], {
  error: "must be the first and the last layer, as in [8, 24]",
});

const answerSchema = z.object({
  model: z.string(),
  loaded: z.boolean(),
  adapters: z.array(z.object({
    name: z.string(),
    kind: z.enum(["lora", "control-vector"]),
    scale: z.number(),
    layers: layers.optional().describe("That a control vector is kept to"),
    digest: z.string().describe("SHA-256 of its file"),
  })),
  available: z.array(z.string()),
});

const SCALE_ERROR = "must be a number from -10 to 10";

/** The body of `POST /api/lora`. */
const changeSchema = z.strictObject({
  model: z.string({ error: "must be text" }).nullish().describe("The default model when absent"),
  name: z.string({ error: "must be text" }).min(1, { error: "must not be empty" })
    .describe(
      "An adapter, LoRA or control vector, that is loaded, that the model is configured with, or " +
        "that lies where models are looked for",
    ),
  scale: z.number({ error: SCALE_ERROR }).min(-10, { error: SCALE_ERROR })
    .max(10, { error: SCALE_ERROR }).nullish()
    .describe("For requests that choose no adapters; 0 leaves it to those that do; 1 when absent"),
  layers: layers.nullish()
    .describe("The first and the last layer that a control vector changes, from 1 on"),
  unload: z.boolean({ error: "must be true or false" }).nullish()
    .describe("Answers that run keep it to their end"),
});

type Change = z.output<typeof changeSchema>;

/** The adapters of a loaded model: what there is, and loading, rescaling and unloading them. */
export const loraRoutes: readonly Route[] = [
  {
    method: "GET",
    path: "/api/lora",
    dialect: nativeDialect,
    summary: "Adapters of a loaded model",
    query: { model: "The default model where it is absent" },
    answer: answerSchema,
    async handle({ context: { pool }, url }) {
      const entry = await pool.resolve(url.searchParams.get("model") ?? undefined);
      return stateOf(entry, pool.state(entry).engine, await pool.adapters(entry));
    },
  },
  {
    method: "POST",
    path: "/api/lora",
    dialect: nativeDialect,
    summary: "Load, rescale or unload an adapter without a restart",
    body: changeSchema,
    answer: answerSchema,
    handle: change,
  },
];

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
  const body = parse(changeSchema, await readJson(exchange));
  const entry = await pool.resolve(body.model ?? undefined);
  const files = await pool.adapters(entry);
  const engine = await engineForEntry(exchange, entry);
  await engine.changeAdapters(changeOf(body, files, engine));
  return stateOf(entry, engine, files);
}

/** Paths are never a client's to name: an adapter is one that was found or configured. */
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
