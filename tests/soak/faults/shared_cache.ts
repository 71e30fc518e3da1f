import { delay } from "@std/async/delay";
import { join } from "node:path";
import { Machine } from "../../cli/machine.ts";
import { MixedLoad } from "../load/mixed_load.ts";
import { MODEL_ENDS } from "../load/tally.ts";
import { SoakServer } from "../soak_server.ts";
import type { FaultContext, OwnFault } from "./fault.ts";

const CLIENTS = 2;
/** So small that files are evicted all the time. */
const SIZE = "6MB";

/** Two servers share a prefix cache on disk, sessions and keys; models' processes are killed amid writes. */
export const sharedCache: OwnFault = {
  name: "shared-cache",
  promised: MODEL_ENDS,
  async runAlone(context) {
    await using machine = await Machine.start();
    const folder = join(machine.home, "prefixes");
    const start = (name: string) =>
      SoakServer.start(name, machine, {
        args: ["--disk-cache", SIZE, "--disk-cache-dir", folder, "--parallel", "2"],
        problem: context.problem,
      });
    {
      await using one = await start("the first server of a cache");
      await using other = await start("the second server of a cache");
      await using _first = new MixedLoad(one.base, context.tally, context.random, CLIENTS);
      await using _second = new MixedLoad(other.base, context.tally, context.random, CLIENTS);
      await delay(context.seconds * 600);
      Deno.kill((await one.modelProcess()).pid, "SIGKILL");
      await delay(context.seconds * 400);
    }
    await using after = await start("a later server of a cache");
    await checkCache(context, after);
  },
};

interface Status {
  readonly loaded: {
    readonly statistics: { readonly disk_cache: { readonly notices: readonly string[] } };
  };
}

/** Nothing that both have written is damaged. */
async function checkCache({ problem, tally, random }: FaultContext, server: SoakServer) {
  {
    await using _load = new MixedLoad(server.base, tally, random, CLIENTS);
    await delay(1000);
  }
  const response = await fetch(`${server.base}/api/models/shimmy-tiny/status`);
  const { loaded } = await response.json() as Status;
  const { notices } = loaded.statistics.disk_cache;
  const damaged = notices.filter((notice) => /damaged|not accept|cannot be read/.test(notice));
  if (damaged.length > 0) problem(`two servers on one cache: ${damaged.join("; ")}`);
}
