import * as z from "zod";
import type { Route } from "../../route.ts";
import { nativeDialect } from "./dialect.ts";

/** The adapters of a loaded model. */
export const loraRoutes: readonly Route[] = [
  {
    method: "GET",
    path: "/api/lora",
    dialect: nativeDialect,
    summary: "Adapters of a loaded model",
    query: { model: "The default model where it is absent" },
    answer: z.object({
      model: z.string(),
      loaded: z.boolean(),
      adapters: z.array(z.object({ name: z.string(), scale: z.number() })),
    }),
    async handle({ context: { pool }, url }) {
      const entry = await pool.resolve(url.searchParams.get("model") ?? undefined);
      const { engine } = pool.state(entry);
      const adapters = engine === null ? [] : (await engine.status()).loras;
      return Response.json({ model: entry.name, loaded: engine !== null, adapters });
    },
  },
];
