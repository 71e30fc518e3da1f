import * as z from "zod";
import { ignored } from "../../schemas/mod.ts";

export const text = z.string({ error: "must be text" });
export const boolean = z.boolean({ error: "must be true or false" });
export const jsonObject = z.record(z.string(), z.unknown(), { error: "must be an object" });

/**
 * A breakpoint of the prompt cache. The server caches every prefix while memory lasts, so a breakpoint
 * changes nothing.
 */
export const cacheControl = ignored(
  z.strictObject({
    type: z.literal("ephemeral", { error: "must be ephemeral" }),
    ttl: z.enum(["5m", "1h"], { error: "must be 5m or 1h" }).nullish(),
  }),
  "every prefix is cached anyway",
);
