import { closestString } from "@std/text/closest-string";
import { levenshteinDistance } from "@std/text/levenshtein-distance";
import { basename, isAbsolute, resolve } from "node:path";
import type { ModelEntry } from "./entry.ts";

const SUFFIX = /\.gguf$/i;
const SHARD = /-(\d{5})-of-(\d{5})$/i;

/** Name of a shard as `llama-gguf-split` writes it. */
export interface ShardName {
  /** Returns the path of a shard by its number, from 1. */
  readonly path: (number: number) => string;
  readonly count: number;
}

/** True if the file name ends in `.gguf`. */
export function isGgufPath(path: string): boolean {
  return SUFFIX.test(path);
}

/**
 * Parses a shard path such as `folder/name-00001-of-00003.gguf`. Returns `null` if the path is not
 * a shard.
 */
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

/** Derives a model name from a path: the lower-case file name without `.gguf` and shard suffix. */
export function modelName(path: string): string {
  return basename(path).replace(SUFFIX, "").replace(SHARD, "").toLowerCase();
}

/**
 * Finds an entry by a name, alias or path. Names ignore case and may end in `.gguf`. A name without
 * a tag also matches `latest` in Ollama's store.
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

/** True if the text is a path rather than a model name. */
export function looksLikePath(text: string): boolean {
  return isGgufPath(text) || isAbsolute(text) || /^\.{1,2}[/\\]/.test(text);
}

/** Maximum length of a text that is compared: the time grows with it, and clients can send megabytes. */
const COMPARED_LENGTH = 200;

/**
 * Returns the known name most similar to `asked`, or `undefined` if no names are known or if `asked` is too
 * long to be a name.
 */
export function nearestName(names: readonly string[], asked: string): string | undefined {
  if (names.length === 0 || asked.length > COMPARED_LENGTH) return undefined;
  return closestString(asked, names);
}

/**
 * Like {@linkcode nearestName}, but `undefined` unless the names are similar: one contains the other, or
 * at most half of the characters differ. Otherwise a suggestion would be arbitrary.
 */
export function similarName(names: readonly string[], asked: string): string | undefined {
  const nearest = nearestName(names, asked);
  if (nearest === undefined) return undefined;
  const distance = levenshteinDistance(asked, nearest);
  if (2 * distance <= Math.max(asked.length, nearest.length)) return nearest;
  return names.find((name) =>
    Math.min(name.length, asked.length) >= 3 && (name.includes(asked) || asked.includes(name))
  );
}
