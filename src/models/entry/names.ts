import { closestString } from "@std/text/closest-string";
import { basename, isAbsolute, resolve } from "@std/path";
import type { ModelEntry } from "./entry.ts";

const SUFFIX = /\.gguf$/i;
const SHARD = /-(\d{5})-of-(\d{5})$/i;

/** A file of a model that was split, as `llama-gguf-split` names it. */
export interface ShardName {
  /** The path of any shard of the same model, by its number from 1. */
  readonly path: (number: number) => string;
  readonly count: number;
}

/** True when a path's name says that it is a GGUF file. */
export function isGgufPath(path: string): boolean {
  return SUFFIX.test(path);
}

/** The set a path such as `folder/name-00001-of-00003.gguf` belongs to, or `null` when it is no shard. */
export function shardName(path: string): ShardName | null {
  const suffix = SUFFIX.exec(path)?.[0] ?? "";
  const stem = path.slice(0, path.length - suffix.length);
  const match = SHARD.exec(stem);
  if (match === null) return null;
  const number = Number(match[1]);
  const count = Number(match[2]);
  if (number < 1 || number > count) return null;
  const digits = (value: number) => String(value).padStart(5, "0");
  const base = stem.slice(0, match.index);
  return { count, path: (other) => `${base}-${digits(other)}-of-${digits(count)}${suffix}` };
}

/** A model's name: its file's, without `.gguf` and shard suffix, lower-cased. */
export function modelName(path: string): string {
  return basename(path).replace(SUFFIX, "").replace(SHARD, "").toLowerCase();
}

/**
 * The entry that a name or a path means: a name or alias, with or without `.gguf`, in any case; in
 * Ollama's store a name without a tag means `latest`; or the path of a model's file.
 */
export function findByName(entries: readonly ModelEntry[], asked: string): ModelEntry | undefined {
  const name = asked.toLowerCase();
  for (const candidate of [name, name.replace(SUFFIX, ""), `${name}:latest`]) {
    const found = entries.find((entry) =>
      entry.name === candidate || entry.aliases?.includes(candidate)
    );
    if (found !== undefined) return found;
  }
  if (!looksLikePath(asked)) return undefined;
  const path = resolve(asked);
  return entries.find((entry) => entry.paths.some((own) => resolve(own) === path));
}

/** True when a text can only be meant, or is best read, as a path. */
export function looksLikePath(text: string): boolean {
  return isGgufPath(text) || isAbsolute(text) || /^\.{1,2}[/\\]/.test(text);
}

/** The known name that is most like `asked`, or `undefined` when there is none at all. */
export function nearestName(names: readonly string[], asked: string): string | undefined {
  return names.length === 0 ? undefined : closestString(asked, names);
}
