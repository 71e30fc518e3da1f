/**
 * Whether a version of Deno is older than another one.
 *
 * @param version as `Deno.version.deno` has it; its pre-releases count as the version itself
 * @param other its numbers, the major one first
 */
export function isOlder(version: string, other: readonly [number, number, number]): boolean {
  const numbers = version.split(/[.+-]/, 3).map(Number);
  const index = other.findIndex((number, index) => numbers[index] !== number);
  return index >= 0 && numbers[index]! < other[index]!;
}
