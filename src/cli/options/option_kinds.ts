import { parseSize } from "../../models/entry/mod.ts";
import { type Option, UsageError } from "./options.ts";

/** Fields that every kind of option shares. */
type Common = Pick<Option<unknown>, "short" | "env" | "help" | "isPath">;

/** An option that is present or absent. */
export function flag(common: Common): Option<boolean> {
  return { ...common, read: (texts) => texts.length > 0 };
}

/** A text, or `null` when it is not given. */
export function text(value: string, common: Common): Option<string | null> {
  return { ...common, value, read: (texts) => texts[0] ?? null };
}

/**
 * A value that a function reads, or `null` when it is not given.
 *
 * @param parse throws `invalid`, with a message that begins with `label`.
 */
export function parsed<T>(
  parse: (text: string, label: string) => T,
  value: string,
  common: Common,
): Option<T | null> {
  return {
    ...common,
    value,
    read: ([given], label) => given === undefined ? null : parse(given, label),
  };
}

/** Texts, in the order in which they were given. */
export function texts(value: string, common: Common): Option<readonly string[]> {
  return { ...common, value, repeatable: true, read: (texts) => texts };
}

/** A whole number within bounds, or `fallback` when it is not given. */
export function integer<F extends number | null>(
  common: Common & { readonly min: number; readonly max?: number; readonly fallback: F },
): Option<number | F> {
  const { min, max = Number.MAX_SAFE_INTEGER, fallback, ...rest } = common;
  return {
    ...rest,
    value: "N",
    read: ([given], label) => {
      if (given === undefined) return fallback;
      const value = Number(given);
      if (/^[+-]?\d+$/.test(given) && value >= min && value <= max) return value;
      const bounds = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `${min} to ${max}`;
      throw new UsageError(`${label}: must be a whole number ${bounds}, not '${given}'`);
    },
  };
}

/** A number within bounds, or `null` when it is not given. */
export function number(
  common: Common & { readonly min: number; readonly max?: number },
): Option<number | null> {
  const { min, max = Infinity, ...rest } = common;
  return {
    ...rest,
    value: "X",
    read: ([given], label) => {
      if (given === undefined) return null;
      const value = given.trim() === "" ? NaN : Number(given);
      if (value >= min && value <= max && Number.isFinite(value)) return value;
      const bounds = max === Infinity ? `of at least ${min}` : `from ${min} to ${max}`;
      throw new UsageError(`${label}: must be a number ${bounds}, not '${given}'`);
    },
  };
}

/** A number of bytes such as 20GB; 0 when it is not given. */
export function size(common: Common): Option<number> {
  return {
    ...common,
    value: "SIZE",
    read: ([given], label) => given === undefined ? 0 : parseSize(given, label),
  };
}

/** A number of bytes within bounds, or `fallback` when it is not given. The bounds are sizes such as 20GB. */
export function sizeWithin(
  common: Common & { readonly min: string; readonly max: string; readonly fallback: string },
): Option<number> {
  const { min, max, fallback, ...rest } = common;
  return {
    ...rest,
    value: "SIZE",
    read: ([given = fallback], label) => {
      const [least, most] = [parseSize(min, label), parseSize(max, label)];
      const bytes = sizeOrNull(given, label);
      if (bytes !== null && bytes >= least && bytes <= most) return bytes;
      throw new UsageError(`${label}: must be a size from ${min} to ${max}, not '${given}'`);
    },
  };
}

/** The bytes of a size; null for a text that is none. */
function sizeOrNull(text: string, label: string): number | null {
  try {
    return parseSize(text, label);
  } catch {
    return null;
  }
}

/** One word of a list. Upper and lower case are the same. */
export function oneOf<const W extends string>(
  words: readonly W[],
  common: Common & { readonly fallback: NoInfer<W> },
): Option<W> {
  const { fallback, ...rest } = common;
  return {
    ...rest,
    value: words.join("|"),
    read: ([given], label) => {
      if (given === undefined) return fallback;
      const word = words.find((one) => one === given.toLowerCase());
      if (word !== undefined) return word;
      throw new UsageError(`${label}: must be one of ${words.join(", ")}, not '${given}'`);
    },
  };
}

/** Sequences that run in parallel: 0 for `auto`, also the default. */
export function parallel(help: string): Option<number> {
  return {
    help,
    value: "auto|N",
    read: ([given = "auto"], label) => {
      if (given === "auto") return 0;
      const count = /^\d{1,3}$/.test(given) ? Number(given) : 0;
      if (count >= 1 && count <= 256) return count;
      throw new UsageError(`${label}: must be auto or a whole number 1 to 256, not '${given}'`);
    },
  };
}
