import { sha256 } from "../../digest.ts";
import { tokenBytes } from "./token_marks.ts";

const EXTENSION = ".state";
/** Hexadecimal digits of hashes in names: 64 bits. */
const DIGITS = 16;

/** What the name of a file in the cache tells. */
export interface StateName {
  /** Hash of the model's path. */
  readonly model: string;
  /** Hash of the fingerprint. */
  readonly fingerprint: string;
  /** Hash of scope and tokens. */
  readonly id: string;
  readonly tokens: number;
  /** Milliseconds that computing the state took. */
  readonly computeMs: number;
}

/** The name of a file, such as `MODEL-FINGERPRINT-ID-4096-2100.state`. */
export function formatName({ model, fingerprint, id, tokens, computeMs }: StateName): string {
  return [model, fingerprint, id, tokens, Math.ceil(computeMs)].join("-") + EXTENSION;
}

/** Parses a name. Null for other files. */
export function parseName(name: string): StateName | null {
  const [, model, fingerprint, id, tokens, computeMs] =
    /^([0-9a-f]{16})-([0-9a-f]{16})-([0-9a-f]{16})-(\d+)-(\d+)\.state$/.exec(name) ?? [];
  if (model === undefined || fingerprint === undefined || id === undefined) return null;
  return { model, fingerprint, id, tokens: Number(tokens), computeMs: Number(computeMs) };
}

/** A hash for names. */
export function hashText(text: string): string {
  return sha256().update(text).digest("hex").slice(0, DIGITS);
}

/** The hash of a scope and tokens. */
export function hashTokens(tokens: readonly number[], scope: string): string {
  return sha256().update(`${scope}\0`).update(tokenBytes(tokens)).digest("hex").slice(0, DIGITS);
}
