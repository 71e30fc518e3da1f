/**
 * Appends items to a list. A call with a spread list puts each item onto the stack, which holds about
 * 100,000 of them.
 */
export function append<T>(list: T[], items: Iterable<T>): void {
  for (const item of items) list.push(item);
}
