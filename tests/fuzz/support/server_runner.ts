import type * as fc from "test:fast-check";
import type { Runner } from "../target.ts";
import type { Problem } from "./problem.ts";
import { TINY } from "./tiny_server.ts";
import type { WatchedServer } from "./watched_server.ts";

/** A target whose cases go to one server. */
export abstract class ServerRunner<T> implements Runner<T> {
  abstract readonly cases: fc.Arbitrary<T>;

  /** @param server is stopped with the runner. */
  constructor(protected readonly server: WatchedServer) {}

  abstract run(value: T): Promise<Problem | null>;

  async finish(): Promise<Problem | null> {
    return await this.server.finish([TINY]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
  }
}
