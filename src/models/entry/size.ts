import { ShimmyError } from "../../errors.ts";

const UNITS: Readonly<Record<string, number>> = { K: 1, M: 2, G: 3, T: 4 };

/**
 * Parses a number of bytes with a unit: `20GB` and `500MB` are decimal, `20G` and `20GiB` are powers of 1024.
 * Upper and lower case are the same.
 *
 * @throws {ShimmyError} `invalid`; the message begins with `label`.
 */
export function parseSize(text: string, label: string): number {
  const [, number, unit, suffix] = /^(\d+(?:\.\d+)?)\s*(?:([KMGT])(I?B)?|B)?$/i.exec(text.trim()) ??
    [];
  if (number !== undefined && (unit !== undefined || Number(number) === 0)) {
    const base = suffix?.toUpperCase() === "B" ? 1000 : 1024;
    return Math.floor(Number(number) * base ** (UNITS[unit?.toUpperCase() ?? ""] ?? 0));
  }
  throw new ShimmyError(
    "invalid",
    `${label}: must be a size with a unit such as 20GB or 512MiB, or 0, not '${text}'`,
    { field: label },
  );
}
