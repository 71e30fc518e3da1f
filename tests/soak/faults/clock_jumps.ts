import { delay } from "@std/async/delay";
import { join } from "node:path";
import { Machine } from "../../cli/machine.ts";
import { MixedLoad } from "../load/mixed_load.ts";
import { CALM } from "../load/tally.ts";
import { SoakServer } from "../soak_server.ts";
import type { OwnFault } from "./fault.ts";

const CLIENTS = 3;
/** Offsets of the clock in seconds: hours, a day back, more than a year ahead, and the true time. */
const JUMPS = ["+3600", "-7200", "-86400", "+40000000", "+0"];

/** The library that replaces the clock, where Debian's package `libfaketime` installs it. */
async function fakeClock(): Promise<string | null> {
  const { stdout } = await new Deno.Command("sh", {
    args: ["-c", "ls /usr/lib/*/faketime/libfaketime.so.1"],
    stderr: "null",
  }).output();
  return new TextDecoder().decode(stdout).trim().split("\n")[0] || null;
}

/** The clock of the server and of its models jumps. The monotonic clock does not, as in an administrator's change. */
export const clockJumps: OwnFault = {
  name: "clock-jumps",
  promised: CALM,
  unavailable: async () => await fakeClock() === null ? "libfaketime is not installed" : null,
  async runAlone(context) {
    await using machine = await Machine.start();
    const file = join(machine.home, "clock");
    await Deno.writeTextFile(file, "+0\n");
    await using server = await SoakServer.start("the server whose clock jumps", machine, {
      args: ["--disk-cache", "16MB", "--disk-cache-dir", join(machine.home, "prefixes")],
      env: {
        LD_PRELOAD: (await fakeClock())!,
        FAKETIME_TIMESTAMP_FILE: file,
        FAKETIME_NO_CACHE: "1",
        DONT_FAKE_MONOTONIC: "1",
      },
      problem: context.problem,
    });
    const process = await server.modelProcess();
    {
      await using _load = new MixedLoad(server.base, context.tally, context.random, CLIENTS);
      for (const jump of JUMPS) {
        await delay(context.seconds * 1000 / JUMPS.length);
        await Deno.writeTextFile(file, `${jump}\n`);
        await checkClock(server.base, Number(jump), context.problem);
      }
    }
    const after = await server.modelProcess();
    if (after.pid !== process.pid) {
      context.problem("a jump of the clock replaced a model's process");
    }
  },
};

/** The server sees the jump: else nothing would be tested. */
async function checkClock(base: string, jump: number, problem: (what: string) => void) {
  const response = await fetch(`${base}/v1/chat/completions`, {
    method: "POST",
    body: JSON.stringify({ messages: [{ role: "user", content: "Hello" }], max_tokens: 1 }),
  });
  const { created } = await response.json() as { created: number };
  const off = created - (Date.now() / 1000 + jump);
  if (!(Math.abs(off) < 30)) problem(`the clock did not jump by ${jump} s: it is off by ${off} s`);
}
