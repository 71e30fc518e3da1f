import { resolve } from "@std/path";
import type { Sampling } from "../../engine/protocol/mod.ts";
import { candidateOf, describe, isModel } from "../discovery/mod.ts";
import {
  type Discovery,
  findByName,
  type Lora,
  type ModelEntry,
  type ModelSettings,
  shardSet,
  type SkippedFile,
} from "../entry/mod.ts";

/** What a configuration file says of models. */
export interface ModelConfig {
  /** By their names, lower-cased. */
  readonly models: Readonly<Record<string, ConfiguredModel>>;
  /** Another name, lower-cased, of a model. */
  readonly aliases: Readonly<Record<string, string>>;
  /** Sampling for every model that has none of its own. */
  readonly defaults: Partial<Sampling>;
  /** The same, of what is another while a model reasons. */
  readonly reasoningDefaults?: Partial<Sampling>;
}

/** One model of a configuration file. */
export interface ConfiguredModel {
  /** Its file; without one, it is a model that is found elsewhere. */
  readonly path?: string;
  readonly aliases: readonly string[];
  /** In place of those it is found with. */
  readonly loras?: readonly Lora[];
  readonly settings: ModelSettings;
}

/**
 * What was found, with what the configuration adds: its own models first, aliases, settings. What it
 * says of models that are not there is told and left out.
 *
 * @param say hears of it, one sentence each.
 */
export async function withConfig(
  found: Discovery,
  config: ModelConfig,
  say: (line: string) => void,
): Promise<Discovery> {
  const own: ModelEntry[] = [];
  const skipped: SkippedFile[] = [];
  let others = [...found.models];
  for (const [name, model] of Object.entries(config.models)) {
    const known = model.path === undefined
      ? findByName(others, name)
      : others.find(({ paths }) => paths.some((path) => resolve(path) === model.path));
    const base = known ?? await fileOf(model.path, say, name);
    if (base === null) continue;
    if (!isModel(base)) {
      say(`models.${name}: ${base.path} cannot be used: ${base.reason}`);
      skipped.push(base);
      continue;
    }
    others = others.filter((entry) => entry !== known);
    own.push(configured(name, base, model, config));
  }
  const rest = others.map((entry) => withSampling(entry, config));
  return {
    ...found,
    models: aliased([...own, ...rest], config.aliases, say),
    skipped: [...found.skipped, ...skipped],
  };
}

/** The model in a file that no place holds; null where there is neither model nor file. */
async function fileOf(
  path: string | undefined,
  say: (line: string) => void,
  name: string,
): Promise<ModelEntry | SkippedFile | null> {
  if (path !== undefined) return await describe(candidateOf(shardSet(path)), "config");
  say(`models.${name}: no model of that name was found; its path may name the file`);
  return null;
}

function configured(
  name: string,
  base: ModelEntry,
  { aliases, loras, settings }: ConfiguredModel,
  config: ModelConfig,
): ModelEntry {
  const names = new Set([...base.aliases ?? [], base.name, ...aliases]);
  names.delete(name);
  const entry = {
    ...base,
    name,
    ...(names.size === 0 ? {} : { aliases: [...names] }),
    ...(loras === undefined ? {} : { loras }),
    settings,
  };
  return withSampling(entry, config);
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

/** A model's own name is stronger than an alias. */
function aliased(
  entries: readonly ModelEntry[],
  aliases: Readonly<Record<string, string>>,
  say: (line: string) => void,
): ModelEntry[] {
  const added = new Map<ModelEntry, string[]>();
  for (const [alias, name] of Object.entries(aliases)) {
    const entry = findByName(entries, name);
    if (entry === undefined) say(`aliases.${alias}: no model '${name}' was found`);
    else if (entries.some((other) => other.name === alias)) {
      say(`aliases.${alias}: is the name of a model already`);
    } else added.set(entry, [...added.get(entry) ?? [], alias]);
  }
  const taken = new Set(Object.keys(aliases));
  return entries.map((entry) => {
    // An alias that the configuration gives away is nobody else's.
    const kept = (entry.aliases ?? []).filter((alias) => !taken.has(alias));
    const all = [...kept, ...added.get(entry) ?? []];
    if (all.length === 0 && entry.aliases === undefined) return entry;
    return { ...entry, aliases: all };
  });
}
