import type { Command } from "../environment/mod.ts";

/** An entry of the command table. The command's module is loaded when the command is used. */
interface CommandEntry {
  readonly summary: string;
  readonly load: () => Promise<{ readonly default: Command }>;
}

export const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  serve: {
    summary: "run the server",
    load: () => import("./server/serve.ts"),
  },
  generate: {
    summary: "answer one prompt",
    load: () => import("./answers/generate.ts"),
  },
  chat: {
    summary: "chat with a model in the terminal",
    load: () => import("./answers/chat.ts"),
  },
  run: {
    summary: "answer a prompt, or chat without one",
    load: () => import("./answers/run.ts"),
  },
  launch: {
    summary: "start a coding agent or another client with this server",
    load: () => import("./server/launch.ts"),
  },
  list: {
    summary: "list available models",
    load: () => import("./models/list.ts"),
  },
  pull: {
    summary: "download a model",
    load: () => import("./models/pull.ts"),
  },
  rm: {
    summary: "remove a model, or a name that cp added",
    load: () => import("./models/rm.ts"),
  },
  cp: {
    summary: "give a model another name",
    load: () => import("./models/cp.ts"),
  },
  ps: {
    summary: "list the models that a running server has loaded",
    load: () => import("./server/ps.ts"),
  },
  keys: {
    summary: "make, list and revoke API keys with limited rights",
    load: () => import("./server/keys.ts"),
  },
  license: {
    summary: "show a license",
    load: () => import("./models/license.ts"),
  },
  verify: {
    summary: "check a receipt: its signature, and the answer computed again",
    load: () => import("./server/verify.ts"),
  },
  stop: {
    summary: "unload a model of a running server",
    load: () => import("./server/stop.ts"),
  },
  discover: {
    summary: "search all model directories and report what was found",
    load: () => import("./models/discover.ts"),
  },
  show: {
    summary: "show the metadata of a model",
    load: () => import("./models/show.ts"),
  },
  probe: {
    summary: "load a model, run one token and report memory and timings",
    load: () => import("./machine/probe.ts"),
  },
  plan: {
    summary: "estimate memory and placement of a model without loading it",
    load: () => import("./machine/plan.ts"),
  },
  bench: {
    summary: "measure prefill and decode speed of a model",
    load: () => import("./machine/bench.ts"),
  },
  "gpu-info": {
    summary: "list compute backends and devices, and the one that is used",
    load: () => import("./machine/gpu_info.ts"),
  },
  "rpc-serve": {
    summary: "offer the devices of this machine to models on other machines",
    load: () => import("./server/rpc_serve.ts"),
  },
  runtime: {
    summary: "list, install and remove variants of libllama",
    load: () => import("./machine/runtime.ts"),
  },
  completion: {
    summary: "print the completion script of a shell",
    load: () => import("./program/completion.ts"),
  },
  version: {
    summary: "print the versions of Shimmy and libllama",
    load: () => import("./program/version.ts"),
  },
};

/** Loads every command, in the order of the help. */
export async function loadCommands(): Promise<
  { readonly name: string; readonly summary: string; readonly command: Command }[]
> {
  return await Promise.all(
    Object.entries(COMMANDS).map(async ([name, { summary, load }]) => ({
      name,
      summary,
      command: (await load()).default,
    })),
  );
}
