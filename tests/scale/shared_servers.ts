/** Servers that share a place. */
import { Machine, Server } from "../cli/machine.ts";
import { isReady } from "../support/shared_states.ts";

/** Tokens of a context, where a test does not set its own arguments. */
const CONTEXT = ["--ctx", "2048"];

/** Replicas on machines of their own. The stack ends them. */
export function replicas(stack: AsyncDisposableStack, env: Record<string, string>, key?: string) {
  return async (more: Record<string, string> = {}, args: readonly string[] = CONTEXT) => {
    const machine = stack.use(await Machine.start());
    const all = ["--port", "0", "--no-ui", ...args];
    const server = stack.use(await Server.start(machine, all, { ...env, ...more }));
    await isReady(server, key);
    return server;
  };
}
