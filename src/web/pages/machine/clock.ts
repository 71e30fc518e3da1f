/** The time of day of an event, in the user's language. */
export function clock(time: string): string {
  return new Date(time).toLocaleTimeString();
}
