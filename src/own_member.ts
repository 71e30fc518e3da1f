/**
 * A member of a table by a key from outside. The table itself would also have the members of every
 * object, such as `toString`.
 */
export function ownMember<T>(table: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(table, key) ? table[key] : undefined;
}
