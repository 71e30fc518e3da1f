import * as z from "zod";

const time = z.iso.datetime();

/** The data of each event, by its name. */
export const eventSchemas = {
  status: z.object({
    time,
    uptime_seconds: z.int(),
    memory: z.object({
      process_bytes: z.int().describe(
        "Resident memory of the server, without the models' processes",
      ),
      available_bytes: z.int().nullable().describe("Null where the server may not ask the system"),
      total_bytes: z.int().nullable(),
    }),
    requests: z.object({ running: z.int(), waiting: z.int() }),
    prompt_per_second: z.number().describe("Prompt tokens of all models that were not cached"),
    completion_per_second: z.number().describe("Generated tokens of all models"),
    models: z.array(z.looseObject({
      name: z.string(),
      state: z.enum(["loading", "loaded", "failed"]),
      progress: z.number().describe("0 to 1 while the model loads"),
      error: z.string().nullable(),
      prompt_per_second: z.number(),
      completion_per_second: z.number(),
    })).describe("Models that are loaded, loading or failed, with the fields of /diag"),
    pulls: z.array(z.object({
      model: z.string(),
      status: z.string(),
      completed: z.int().describe("Downloaded bytes of all files"),
      total: z.int().nullable(),
    })).describe("Pulls that run"),
    missed: z.int().describe("Events left out because the client did not read in time"),
  }),
  model: z.object({
    time,
    name: z.string(),
    state: z.enum(["unloaded", "loading", "loaded", "failed"]),
    previous: z.enum(["unloaded", "loading", "loaded", "failed"]),
    error: z.string().nullable().describe("Why the load failed"),
  }),
  pull: z.object({
    time,
    model: z.string(),
    outcome: z.enum(["done", "cancelled", "failed"]),
    error: z.string().nullable(),
  }),
  request: z.object({
    time,
    request_id: z.string(),
    method: z.string(),
    route: z.string(),
    status: z.int(),
    model: z.string().nullable(),
    prompt_tokens: z.int(),
    completion_tokens: z.int(),
    duration_ms: z.int(),
  }),
  error: z.object({
    time,
    request_id: z.string(),
    status: z.int(),
    message: z.string().describe("The message that the client got"),
  }),
  log: z.object({
    time,
    level: z.enum(["error", "warn", "info"]),
    message: z.string().nullable().describe("Null for a line that names a file or an address"),
  }),
} as const;

/** The data of the event with a name. */
export type EventData<N extends keyof typeof eventSchemas> = z.output<typeof eventSchemas[N]>;
