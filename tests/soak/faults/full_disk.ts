import { delay } from "@std/async/delay";
import { Machine } from "../../cli/machine.ts";
import { MixedLoad } from "../load/mixed_load.ts";
import { CALM } from "../load/tally.ts";
import { SoakServer } from "../soak_server.ts";
import type { FaultContext, OwnFault } from "./fault.ts";
import { runInDisk, smallDisk } from "./small_disk.ts";

const CLIENTS = 3;

/** Arguments of a server that writes all it keeps into one folder. */
function keepingIn(folder: string): string[] {
  return [
    ...["--disk-cache", "64MB", "--disk-cache-dir", `${folder}/prefixes`],
    ...["--audit", `${folder}/audit.jsonl`, "--keys-dir", `${folder}/keys`],
    // States go to the disk soon.
    ...["--parallel", "2"],
  ];
}

/** The disk of sessions, cached prefixes, keys and the audit log is full, and later has room again. */
export const fullDisk: OwnFault = {
  name: "full-disk",
  promised: CALM,
  async runAlone(context) {
    const { how, around } = await smallDisk();
    context.note(`full disk: ${how}`);
    await using machine = await Machine.start(around);
    const disk = `${machine.home}/disk`;
    await using server = await SoakServer.start("the server on a full disk", machine, {
      args: keepingIn(disk),
      env: { SHIMMY_CACHE_DIR: `${disk}/cache` },
      problem: context.problem,
    });
    const inDisk = (script: string) => runInDisk(server.pid, machine.home, script);
    // Writes until there is no room; less where only the size of files is limited.
    await inDisk("head -c 16M /dev/zero > filler");
    {
      await using _load = new MixedLoad(server.base, context.tally, context.random, CLIENTS);
      await delay(context.seconds * 1000);
    }
    await checkSession(context, server, false);
    await inDisk("rm filler");
    await checkSession(context, server, true);
    const left = await inDisk("find . -name '*.tmp'");
    if (left !== "") context.problem(`a full disk left unfinished files: ${left}`);
  },
};

/** The answer is whole either way; a notice says when the session was not saved. */
async function checkSession(
  { problem }: FaultContext,
  server: SoakServer,
  hasRoom: boolean,
): Promise<void> {
  const response = await fetch(`${server.base}/api/generate`, {
    method: "POST",
    body: JSON.stringify({
      prompt: "Tell me a story about a fox. ".repeat(60),
      session: hasRoom ? "with room" : "without room",
      max_tokens: 8,
    }),
  });
  const { done, notices = [] } = await response.json() as { done?: boolean; notices?: string[] };
  const isTold = notices.some((notice) => notice.includes("not saved"));
  if (done !== true) problem("an answer with a session is not whole on a full disk");
  if (isTold === hasRoom) {
    problem(`a session ${hasRoom ? "with" : "without"} room has the notices ${notices.join("; ")}`);
  }
}
