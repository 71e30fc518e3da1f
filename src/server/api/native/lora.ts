import * as z from "zod";
import type { AdapterChange } from "../../../engine/protocol.ts";
import { ShimmyError } from "../../../errors.ts";
import type { ModelPool } from "../../../models/pool.ts";
import { parse, readJson } from "../../body.ts";
import type { Exchange, Route } from "../../route.ts";
import { engineOf } from "../../run.ts";
import { nativeDialect } from "./dialect.ts";

const answerSchema = z.object({
  model: z.string(),
  loaded: z.boolean(),
  adapters: z.array(z.object({ name: z.string(), scale: z.number() })),
  available: z.array(z.string()),
});

const SCALE_ERROR = "must be a number from -10 to 10";

/** The body of `POST /api/lora`. */
const changeSchema = z.strictObject({
  model: z.string({ error: "must be text" }).nullish().describe("The default model when absent"),
  name: z.string({ error: "must be text" }).min(1, { error: "must not be empty" })
    .describe("An adapter that is loaded, or that lies where models are looked for"),
  scale: z.number({ error: SCALE_ERROR }).min(-10, { error: SCALE_ERROR })
    .max(10, { error: SCALE_ERROR }).nullish()
    .describe("For requests that choose no adapters; 0 leaves it to those that do"),
  unload: z.boolean({ error: "must be true or false" }).nullish(),
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
      const { engine } = pool.state(entry);
      const adapters = engine === null ? [] : (await engine.status()).loras;
      const available = (await pool.adapters()).map(({ name }) => name);
      return Response.json({ model: entry.name, loaded: engine !== null, adapters, available });
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

async function change(exchange: Exchange): Promise<Response> {
  const { pool } = exchange.context;
  const body = parse(changeSchema, await readJson(exchange));
  const entry = await pool.resolve(body.model ?? undefined);
  const engine = await engineOf(exchange, entry);
  const { loras } = await engine.status();
  const isLoaded = loras.some(({ name }) => name === body.name);
  const adapters = await engine.changeAdapters(await changeOf(body, isLoaded, pool));
  const available = (await pool.adapters()).map(({ name }) => name);
  return Response.json({ model: entry.name, loaded: true, adapters, available });
}

/** Paths are never a client's to name: an adapter is one that was found. */
async function changeOf(
  { name, scale, unload }: Change,
  isLoaded: boolean,
  pool: ModelPool,
): Promise<AdapterChange> {
  if (unload) return { action: "unload", name };
  if (isLoaded) return { action: "scale", name, scale: scale ?? 1 };
  const file = (await pool.adapters()).find((one) => one.name === name.toLowerCase());
  if (file !== undefined) {
    return { action: "load", path: file.path, name: file.name, scale: scale ?? 1 };
  }
  throw new ShimmyError("not_found", `Adapter '${name}' not found`, { field: "name" });
}
