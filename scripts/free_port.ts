/** Systems take the ports of connections from 32,768 or 49,152 on. */
const FIRST = 10_000;
const END = 32_768;

/**
 * A port of loopback that no program listens on now, and that no system gives to a connection before a program can
 * listen on it.
 */
export function freePort(): number {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * (END - FIRST));
    try {
      Deno.listen({ hostname: "127.0.0.1", port }).close();
      return port;
    } catch (error) {
      if (!isTaken(error)) throw error;
    }
  }
}

/** Whether a program has the port, or the system keeps it for one, as Windows does. */
function isTaken(error: unknown): boolean {
  return error instanceof Deno.errors.AddrInUse || error instanceof Deno.errors.PermissionDenied;
}

/** Free ports, all different. */
export function freePorts(count: number): number[] {
  const ports = new Set<number>();
  while (ports.size < count) ports.add(freePort());
  return [...ports];
}
