/** What the replicas of the demonstration share, beside the proxy in front of them. */
import { redis, RedisServer } from "../redis_server.ts";

/** A running part. Disposal stops it. */
export interface RunningPart extends AsyncDisposable {
  /** Arguments that make a replica use it. */
  readonly args: readonly string[];
  /** What it is and where, for the user. */
  readonly line: string;
}

/** A part of the demonstration. */
export interface Part {
  /** Programs of which one is needed, and the package that has it. */
  readonly needs: { readonly program: string; readonly here: boolean; readonly from: string };
  start(): Promise<RunningPart>;
}

const store: Part = {
  needs: {
    program: redis.name,
    here: redis.here,
    from:
      "the package valkey-server or redis-server of Debian and Ubuntu, valkey or redis of Homebrew",
  },
  async start() {
    const server = new RedisServer();
    try {
      await server.start();
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
    return {
      args: ["--store", server.url],
      line: `shared store: ${server.url}`,
      [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
    };
  },
};

/** All parts, in the order in which they start. Workers of other machines are a further entry. */
export const PARTS: readonly Part[] = [store];
