import { resolve } from "node:path";
import type { Sampling } from "../../engine/protocol/mod.ts";
import { describeFile, isModel } from "../discovery/mod.ts";
import {
  type Discovery,
  findByName,
  type Lora,
  type ModelEntry,
  type ModelSettings,
  type SkippedFile,
} from "../entry/mod.ts";

/** Models of a configuration file. */
export interface ModelConfig {
  /** By lower-case name. */
  readonly models: Readonly<Record<string, ConfiguredModel>>;
  /** Aliases: lower-case alias to model name. The alias `*` stands for every unknown name. */
  readonly aliases: Readonly<Record<string, string>>;
  /** Default sampling for every model. */
  readonly defaults: Partial<Sampling>;
  /** Default sampling during reasoning, for every model. */
  readonly reasoningDefaults?: Partial<Sampling>;
}

/** One model of a configuration file. */
export interface ConfiguredModel {
  /** The model's file. Without a path, the settings apply to a discovered model. */
  readonly path?: string;
  readonly aliases: readonly string[];
  /** Replaces the discovered adapters. */
  readonly loras?: readonly Lora[];
  /** Replaces the discovered projector. */
  readonly projector?: string;
  readonly settings: ModelSettings;
}

/**
 * Merges the configuration with the discovered models: configured models come first, aliases and
 * settings are added. Configured models that do not exist are logged and left out.
 *
 * @param log Receives one line per problem.
 */
export async function withConfig(
  found: Discovery,
  config: ModelConfig,
  log: (line: string) => void,
): Promise<Discovery> {
  const own: ModelEntry[] = [];
  const skipped: SkippedFile[] = [];
  let others = [...found.models];
  for (const [name, model] of Object.entries(config.models)) {
    const known = model.path === undefined
      ? findByName(others, name)
      : others.find(({ paths }) => paths.some((path) => resolve(path) === model.path));
    const base = known ?? await fileOf(model.path, log, name);
    if (base === null) continue;
    if (!isModel(base)) {
      log(`models.${name}: cannot use ${base.path}: ${base.reason}`);
      skipped.push(base);
      continue;
    }
    others = others.filter((entry) => entry !== known);
    own.push(await configured(name, base, model, config, log));
  }
  const rest = others.map((entry) => withSampling(entry, config));
  return {
    ...found,
    models: aliased([...own, ...rest], config.aliases, log),
    skipped: [...found.skipped, ...skipped],
  };
}

/** The alias of every unknown name. */
const ANY_NAME = "*";

/** Name of the model for unknown names: the alias `*` of the file or of one of its models. */
export function fallbackName({ aliases, models }: ModelConfig): string | undefined {
  return aliases[ANY_NAME] ??
    Object.entries(models).find(([, model]) => model.aliases.includes(ANY_NAME))?.[0];
}

/** A configuration with additional aliases, which take precedence. */
export function withAliases(
  config: ModelConfig | undefined,
  aliases: Readonly<Record<string, string>>,
): ModelConfig | undefined {
  if (Object.keys(aliases).length === 0) return config;
  const base = config ?? { models: {}, aliases: {}, defaults: {} };
  return { ...base, aliases: { ...base.aliases, ...aliases } };
}

/** Reads the model at a configured path that no source contains. Null if no path is configured. */
async function fileOf(
  path: string | undefined,
  log: (line: string) => void,
  name: string,
): Promise<ModelEntry | SkippedFile | null> {
  if (path !== undefined) return await describeFile(path, "config");
  log(`models.${name}: no model has this name; set 'path' to its file`);
  return null;
}

/** Settings of the store with those of the configuration file. */
function merged(base: ModelSettings = {}, own: ModelSettings): ModelSettings {
  const sampling = { ...base.sampling, ...own.sampling };
  return { ...base, ...own, ...(isEmpty(sampling) ? {} : { sampling }) };
}

async function configured(
  name: string,
  base: ModelEntry,
  { aliases, loras, projector, settings }: ConfiguredModel,
  config: ModelConfig,
  log: (line: string) => void,
): Promise<ModelEntry> {
  const names = new Set([...base.aliases ?? [], base.name, ...aliases]);
  names.delete(name);
  names.delete(ANY_NAME);
  const entry = {
    ...await withProjector(base, projector, (reason) => log(`models.${name}: ${reason}`)),
    name,
    ...(names.size === 0 ? {} : { aliases: [...names] }),
    ...(loras === undefined ? {} : { loras }),
    settings: merged(base.settings, settings),
  };
  return withSampling(entry, config);
}

/** A model with another projector, and what its header says that it reads. */
async function withProjector(
  base: ModelEntry,
  projector: string | undefined,
  warn: (reason: string) => void,
): Promise<ModelEntry> {
  if (projector === undefined) return base;
  const { projectorReads: _, ...rest } = base;
  const found = await describeFile(projector, "config");
  if (isModel(found) || found.kind !== "projector") {
    const reason = isModel(found) ? "it is a model" : found.reason;
    warn(`mmproj: cannot use ${projector} as a projector: ${reason}`);
    return { ...rest, projector };
  }
  return { ...rest, projector, ...(found.reads && { projectorReads: found.reads }) };
}

function withSampling(
  entry: ModelEntry,
  { defaults, reasoningDefaults = {} }: ModelConfig,
): ModelEntry {
  const sampling = { ...defaults, ...entry.settings?.sampling };
  const reasoningSampling = { ...reasoningDefaults, ...entry.settings?.reasoningSampling };
  const settings = {
    ...entry.settings,
    ...(isEmpty(sampling) ? {} : { sampling }),
    ...(isEmpty(reasoningSampling) ? {} : { reasoningSampling }),
  };
  return isEmpty(settings) ? entry : { ...entry, settings };
}

function isEmpty(values: object): boolean {
  return Object.keys(values).length === 0;
}

/** Adds aliases. A model name takes precedence over an alias. */
function aliased(
  entries: readonly ModelEntry[],
  aliases: Readonly<Record<string, string>>,
  log: (line: string) => void,
): ModelEntry[] {
  const added = new Map<ModelEntry, string[]>();
  for (const [alias, name] of Object.entries(aliases)) {
    const entry = findByName(entries, name);
    if (entry === undefined) log(`aliases.${alias}: no model '${name}' was found`);
    else if (entries.some((other) => other.name === alias)) {
      log(`aliases.${alias}: is already the name of a model`);
    } else if (alias !== ANY_NAME) added.set(entry, [...added.get(entry) ?? [], alias]);
  }
  const taken = new Set(Object.keys(aliases));
  return entries.map((entry) => {
    // A configured alias replaces the same alias of another model.
    const kept = (entry.aliases ?? []).filter((alias) => !taken.has(alias));
    const all = [...kept, ...added.get(entry) ?? []];
    if (all.length === 0 && entry.aliases === undefined) return entry;
    return { ...entry, aliases: all };
  });
}
