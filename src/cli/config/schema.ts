/** The schema of the configuration file. Imported only when there is a file: zod is slow to load. */
import { parse as parseJsonc } from "@std/jsonc/parse";
import { dirname, resolve } from "node:path";
import * as z from "zod";
import { KV_TYPES } from "../../engine/protocol/mod.ts";
import { ShimmyError } from "../../errors.ts";
import type { ConfiguredModel } from "../../models/registry/mod.ts";
import {
  expandHome,
  type Lora,
  type ModelSettings,
  parseKeepAlive,
  parseLora,
  parseSize,
  similarName,
} from "../../models/entry/mod.ts";
import { parseEndpoints } from "../../rpc/workers/endpoint.ts";
import {
  integerBetween,
  integerFrom,
  reasoningSampling,
  samplingFields,
  toSampling,
} from "../../server/schemas/mod.ts";
import { parse } from "../../server/validation/mod.ts";
import type { OptionSet } from "../options/mod.ts";
import type { Config } from "./config.ts";

const TAGS_ERROR = "must be a list of texts";
const text = z.string({ error: "must be text" });
const name = text.min(1, { error: "must not be empty" });
const names = z.union([name.transform((one) => [one]), z.array(name)], {
  error: "must be a name or a list of names",
});
const KEEP_ALIVE_ERROR = 'must be seconds as a number, or a duration such as "5m" or "-1"';
const keepAlive = z.union([z.number(), z.string()], { error: KEEP_ALIVE_ERROR });
const LAYERS_ERROR = 'must be "auto", "all" or a whole number of layers';

const RPC_ERROR = "must be HOST:PORT, or a list of them";

const diskCache = z.union([z.string(), z.literal(0)], {
  error: "must be a size with a unit such as 20GB or 512MiB, or 0",
});

const defaults = z.strictObject({
  ...samplingFields,
  reasoning_sampling: reasoningSampling.optional()
    .describe("Overrides sampling during reasoning"),
}, { error: "must be an object" });

const LAYERS_OF_VECTOR = "must be the first and the last layer, as in [8, 24]";

const lora = z.union([
  name,
  z.strictObject({
    path: name,
    scale: z.number({ error: "must be a number" }).optional(),
    name: name.optional().describe("Name by which requests select the adapter"),
    layers: z.tuple([z.int(), z.int()], { error: LAYERS_OF_VECTOR }).optional()
      .describe("First and last layer that a control vector changes"),
  }),
], { error: "must be FILE, FILE:SCALE or an object with path, scale, name and layers" });

const model = z.strictObject({
  path: name.optional().describe("Path of the model file, relative to this file"),
  alias: names.optional().describe("Other names"),
  loras: z.array(lora, { error: "must be a list of adapters" }).optional()
    .describe("Adapters to load with the model"),
  mmproj: name.optional().describe(
    "Path of the projector for images and audio, relative to this file",
  ),
  ctx: integerFrom(0).optional().describe("Context length of each sequence in tokens"),
  parallel: z.union([z.literal("auto"), integerBetween(1, 256)], {
    error: "must be auto or a whole number 1 to 256",
  }).optional().describe("Requests that run in parallel"),
  "kv-type": z.enum(KV_TYPES, { error: `must be one of ${KV_TYPES.join(", ")}` }).optional(),
  "disk-cache": diskCache.optional()
    .describe("Maximum size of the model's prefixes on disk; 0: keep nothing"),
  disk_cache: diskCache.optional().describe("Other spelling of disk-cache"),
  "gpu-layers": z.union([z.literal("auto"), z.literal("all"), z.int().min(0)], {
    error: LAYERS_ERROR,
  }).optional(),
  rpc: z.union([z.string(), z.array(name)], { error: RPC_ERROR }).optional()
    .describe("RPC workers whose devices the model uses; empty: none"),
  pinned: z.boolean({ error: "must be true or false" }).optional()
    .describe("Keep the model loaded when idle and evict it last"),
  "keep-alive": keepAlive.optional().describe("Time until the idle model is unloaded"),
  keep_alive: keepAlive.optional().describe("Former name of keep-alive"),
  system: text.optional().describe("System message for conversations without one"),
  tags: z.array(z.string({ error: TAGS_ERROR }).min(1, { error: TAGS_ERROR }), {
    error: TAGS_ERROR,
  }).optional().describe("Words that /models reports"),
  max_tokens: integerFrom(1).optional()
    .describe("Maximum tokens for requests that do not limit them"),
  defaults: defaults.optional().describe("Default sampling of the model"),
}, { error: "must be an object" });

const option = z.union([
  z.string(),
  z.number(),
  z.boolean(),
  z.array(z.union([z.string(), z.number()])),
], { error: "must be text, a number, true, false or a list" });

const schema = z.strictObject({
  $schema: text.optional(),
  models: z.record(name, model, { error: "must be an object of models by name" }).optional(),
  aliases: z.record(name, name, { error: "must be an object of names by alias" }).optional(),
  defaults: defaults.optional().describe("Default sampling of all models"),
  server: z.record(z.string(), option, { error: "must be an object of options" }).optional()
    .describe("Command line options without the leading hyphens"),
}, { error: "must be an object" });

/** The end of the message about an unknown field. */
const UNKNOWN_FIELD = "is not a known field";

type ModelBody = z.output<typeof model>;

/**
 * Parses a configuration file.
 * @param known The options that `server` may contain.
 * @param home The folder that `~` stands for.
 * @throws {ShimmyError} `invalid`; the message begins with the field.
 */
export function toConfig(
  path: string,
  source: string,
  known: OptionSet,
  home: string | undefined,
): Config {
  const json = jsonOf(source);
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw new ShimmyError("invalid", 'must contain a JSON object, such as { "models": {} }');
  }
  const body = parseBody(json);
  const resolvePath: ResolvePath = (given) => resolve(dirname(path), expandHome(given, home));
  const reasoning = body.defaults?.reasoning_sampling;
  const models = Object.entries(body.models ?? {}).map(([own, value]) => {
    const at = `models.${own}`;
    return [own.toLowerCase(), toModel(value, at, resolvePath)] as const;
  });
  return {
    path,
    text: source,
    models: {
      models: Object.fromEntries(models),
      aliases: lowerCased(body.aliases ?? {}),
      defaults: toSampling(body.defaults ?? {}),
      ...(reasoning === undefined ? {} : { reasoningDefaults: toSampling(reasoning) }),
    },
    options: toOptions(body.server ?? {}, known, home),
  };
}

/** @throws {ShimmyError} `invalid`; an unknown field is named with the most similar known one. */
function parseBody(json: object): z.output<typeof schema> {
  try {
    return parse(schema, json);
  } catch (error) {
    if (!(error instanceof ShimmyError) || !error.message.endsWith(UNKNOWN_FIELD)) throw error;
    const { field = "" } = error;
    const hint = suggestion(Object.keys(objectOf(field)?.shape ?? {}), field.split(".").at(-1)!);
    throw new ShimmyError("invalid", `${error.message}${hint}`, { field, cause: error });
  }
}

/** The schema of the object that contains a field, if it is one of those with many fields. */
function objectOf(field: string) {
  if (!field.includes(".")) return schema;
  if (/(^|\.)(defaults|reasoning_sampling)\.[^.]+$/.test(field)) return defaults;
  return field.startsWith("models.") && !field.includes("[") ? model : undefined;
}

/** The end of a message about an unknown name: the most similar known name, or nothing. */
function suggestion(known: readonly string[], name: string): string {
  const similar = similarName(known, name);
  return similar === undefined ? "" : `; did you mean ${similar}?`;
}

/** Makes a path of the file absolute. */
type ResolvePath = (path: string) => string;

/** JSON with comments and trailing commas. */
function jsonOf(source: string): unknown {
  try {
    return parseJsonc(source.replace(/^\uFEFF/, ""));
  } catch (cause) {
    const what = cause instanceof Error ? cause.message : String(cause);
    throw new ShimmyError("invalid", `must be JSON: ${withLine(what, source)}`, { cause });
  }
}

/** A message of the JSON parser with the line and column in place of the position. */
function withLine(message: string, source: string): string {
  return message.replace(/^Cannot parse JSONC: /, "").replace(
    / in JSONC at position (\d+)/,
    (_, position) => {
      const before = source.replace(/^\uFEFF/, "").slice(0, Number(position)).split("\n");
      return ` in line ${before.length}, column ${before.at(-1)!.length + 1}`;
    },
  );
}

function toModel(body: ModelBody, at: string, resolvePath: ResolvePath): ConfiguredModel {
  const loras = body.loras?.map((one, index) => toLora(one, `${at}.loras[${index}]`, resolvePath));
  return {
    ...(body.path === undefined ? {} : { path: resolvePath(body.path) }),
    aliases: (body.alias ?? []).map((one) => one.toLowerCase()),
    ...(loras === undefined ? {} : { loras }),
    ...(body.mmproj === undefined ? {} : { projector: resolvePath(body.mmproj) }),
    settings: toSettings(body, at),
  };
}

function toSettings(body: ModelBody, at: string): ModelSettings {
  const { ctx, parallel, pinned, system, tags, max_tokens: maxTokens, keep_alive: former } = body;
  const time = body["keep-alive"] ?? former;
  if (former !== undefined && time !== former) {
    throw refusal(`${at}.keep_alive`, "is the former name of keep-alive; set only keep-alive");
  }
  const timeField = former === undefined ? "keep-alive" : "keep_alive";
  const layers = body["gpu-layers"];
  const diskCache = body["disk-cache"] ?? body.disk_cache;
  const kvType = body["kv-type"];
  const reasoning = body.defaults?.reasoning_sampling;
  return {
    ...(ctx === undefined ? {} : { contextLength: ctx }),
    ...(parallel === undefined ? {} : { parallel: parallel === "auto" ? 0 : parallel }),
    ...(tags === undefined ? {} : { tags }),
    ...(kvType === undefined ? {} : { kvType }),
    ...(diskCache === undefined
      ? {}
      : { diskCache: parseSize(String(diskCache), `${at}.disk-cache`) }),
    ...(layers === undefined
      ? {}
      : { gpuLayers: layers === "auto" ? null : layers === "all" ? -1 : layers }),
    ...(body.rpc === undefined
      ? {}
      : { rpc: parseEndpoints([body.rpc].flat().join(), `${at}.rpc`) }),
    ...(pinned === undefined ? {} : { pinned }),
    ...(time === undefined ? {} : {
      keepAlive: parseKeepAlive(String(time), `${at}.${timeField}`),
    }),
    ...(system === undefined ? {} : { system }),
    ...(maxTokens === undefined ? {} : { maxTokens }),
    ...(body.defaults === undefined ? {} : { sampling: toSampling(body.defaults) }),
    ...(reasoning === undefined ? {} : { reasoningSampling: toSampling(reasoning) }),
  };
}

function toLora(given: z.output<typeof lora>, at: string, resolvePath: ResolvePath): Lora {
  if (typeof given === "string") {
    const { path, scale } = parseLora(given, at);
    return { path: resolvePath(path), scale };
  }
  const { path, scale = 1, name, layers } = given;
  return {
    path: resolvePath(path),
    scale,
    ...(name === undefined ? {} : { name: name.toLowerCase() }),
    ...(layers === undefined ? {} : { layers }),
  };
}

function lowerCased(aliases: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(aliases).map(([alias, target]) => [alias.toLowerCase(), target]),
  );
}

/** Options whose values are paths, or paths separated by `;`. */
const PATH_OPTIONS: ReadonlySet<string> = new Set([
  "model-path",
  "model-dirs",
  "disk-cache-dir",
  "shared-cache",
  "lora",
  "draft",
  "mmproj",
  "rpc-key",
  "keys-dir",
  "tls-cert",
  "tls-key",
  "audit",
]);

function toOptions(
  given: Readonly<Record<string, z.output<typeof option>>>,
  known: OptionSet,
  home: string | undefined,
): Record<string, readonly string[]> {
  const options: Record<string, readonly string[]> = {};
  for (const [name, value] of Object.entries(given)) {
    const field = `server.${name}`;
    // As in disk_cache, the spelling of fields in requests.
    const key = name.replaceAll("_", "-");
    const kind = Object.hasOwn(known, key) ? known[key] : undefined;
    if (kind === undefined) {
      const hint = suggestion(Object.keys(known), name) || "; shimmy serve --help-all lists them";
      throw refusal(field, `is not a known option${hint}`);
    }
    if (typeof value === "boolean" || kind.value === undefined) {
      const bare = kind.value === undefined ? "true" : kind.bare;
      if (bare === undefined) throw refusal(field, `must be ${kind.value}`);
      if (typeof value !== "boolean") throw refusal(field, "must be true or false");
      if (value) options[key] = [bare];
      else if (kind.negated !== undefined) options[key] = [kind.negated];
      continue;
    }
    if (Array.isArray(value) && !kind.repeatable) {
      throw refusal(field, "takes one value, not a list");
    }
    const texts = [value].flat().map(String);
    options[key] = PATH_OPTIONS.has(key)
      ? texts.map((one) => one.split(";").map((path) => expandHome(path, home)).join(";"))
      : texts;
  }
  return options;
}

function refusal(field: string, what: string): ShimmyError {
  return new ShimmyError("invalid", `${field}: ${what}`, { field });
}
