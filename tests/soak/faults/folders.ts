import { delay } from "@std/async/delay";
import { join } from "node:path";
import { Machine } from "../../cli/machine.ts";
import { MixedLoad } from "../load/mixed_load.ts";
import { CALM } from "../load/tally.ts";
import { SoakServer } from "../soak_server.ts";
import type { FaultContext, OwnFault } from "./fault.ts";
import { readOnlyDisk } from "./small_disk.ts";

const CLIENTS = 3;
const TINY = new URL("../../../src/assets/tiny/shimmy-tiny.gguf", import.meta.url);

/** The folders of what a server keeps, in one folder. */
function keptIn(folder: string) {
  return {
    env: { SHIMMY_CACHE_DIR: join(folder, "cache") },
    args: [
      ...["--disk-cache", "64MB", "--disk-cache-dir", join(folder, "prefixes")],
      ...["--keys-dir", join(folder, "keys"), "--parallel", "2"],
    ],
  };
}

/** Folders that never can be written. */
export const readOnlyFolders: OwnFault = {
  name: "read-only-folders",
  promised: CALM,
  unavailable: async () => await readOnlyDisk() === null ? "no file system can be mounted" : null,
  async runAlone(context) {
    const { how, around } = (await readOnlyDisk())!;
    context.note(`read-only folders: ${how}`);
    await using machine = await Machine.start(around);
    const { args, env } = keptIn(join(machine.home, "disk"));
    await using server = await SoakServer.start("the server with read-only folders", machine, {
      args: [...args, "--model-dirs", join(machine.home, "disk", "missing")],
      env,
      problem: context.problem,
    });
    await load(context, server);
  },
};

/** Folders that disappear while the server runs, that of a loaded model included. */
export const missingFolders: OwnFault = {
  name: "missing-folders",
  promised: CALM,
  async runAlone(context) {
    await using machine = await Machine.start();
    const kept = join(machine.home, "kept");
    const models = join(machine.home, "models");
    await Deno.mkdir(models, { recursive: true });
    await Deno.copyFile(TINY, join(models, "other.gguf"));
    const { args, env } = keptIn(kept);
    await using server = await SoakServer.start("the server whose folders disappear", machine, {
      args: [...args, "--model-dirs", models],
      env,
      problem: context.problem,
    });
    await ask(context, server, "other");
    const removing = (async () => {
      await delay(context.seconds * 500);
      for (const folder of [kept, models]) {
        await Deno.remove(folder, { recursive: true }).catch(() => {});
      }
    })();
    await load(context, server);
    await removing;
    await ask(context, server, "other");
    await unload(context, server, "other");
  },
};

async function load({ tally, random, seconds }: FaultContext, server: SoakServer): Promise<void> {
  await using _load = new MixedLoad(server.base, tally, random, CLIENTS);
  await delay(seconds * 1000);
}

/** A loaded model answers, whatever has become of its file. */
async function ask({ problem }: FaultContext, server: SoakServer, model: string): Promise<void> {
  const response = await fetch(`${server.base}/v1/chat/completions`, {
    method: "POST",
    body: JSON.stringify({
      model,
      messages: [{ role: "user", content: "What is the capital of France?" }],
      temperature: 0,
    }),
  });
  const text = await response.text();
  if (!text.includes("Paris")) problem(`the model ${model} answered ${response.status}: ${text}`);
}

/** A model whose file is gone can be unloaded. */
async function unload({ problem }: FaultContext, { base }: SoakServer, model: string) {
  const discovery = await fetch(`${base}/api/models/discover`, { method: "POST" });
  await discovery.body?.cancel();
  const response = await fetch(`${base}/api/models/${model}/unload`, { method: "POST" });
  const text = await response.text();
  if (!response.ok) problem(`the removed model ${model} was not unloaded: ${text}`);
}
