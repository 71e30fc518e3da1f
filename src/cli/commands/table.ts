import type { Command } from "../environment/mod.ts";

/** An entry of the command table. The command's module is loaded when the command is used. */
interface CommandEntry {
  readonly summary: string;
  readonly load: () => Promise<{ readonly default: Command }>;
}

export const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  serve: {
    summary: "run the server",
    load: () => import("./serve.ts"),
  },
  generate: {
    summary: "answer one prompt",
    load: () => import("./generate.ts"),
  },
  chat: {
    summary: "chat with a model in the terminal",
    load: () => import("./chat.ts"),
  },
  run: {
    summary: "answer a prompt, or chat without one",
    load: () => import("./run.ts"),
  },
  launch: {
    summary: "start a coding agent or another client with this server",
    load: () => import("./launch.ts"),
  },
  list: {
    summary: "list available models",
    load: () => import("./list.ts"),
  },
  pull: {
    summary: "download a model",
    load: () => import("./pull.ts"),
  },
  rm: {
    summary: "remove a model, or a name that cp added",
    load: () => import("./rm.ts"),
  },
  cp: {
    summary: "give a model another name",
    load: () => import("./cp.ts"),
  },
  ps: {
    summary: "list the models that a running server has loaded",
    load: () => import("./ps.ts"),
  },
  keys: {
    summary: "make, list and revoke API keys with limited rights",
    load: () => import("./keys.ts"),
  },
  license: {
    summary: "show a license",
    load: () => import("./license.ts"),
  },
  verify: {
    summary: "check a receipt: its signature, and the answer computed again",
    load: () => import("./verify.ts"),
  },
  stop: {
    summary: "unload a model of a running server",
    load: () => import("./stop.ts"),
  },
  discover: {
    summary: "search all model directories and report what was found",
    load: () => import("./discover.ts"),
  },
  show: {
    summary: "show the metadata of a model",
    load: () => import("./show.ts"),
  },
  probe: {
    summary: "load a model, run one token and report memory and timings",
    load: () => import("./probe.ts"),
  },
  plan: {
    summary: "estimate memory and placement of a model without loading it",
    load: () => import("./plan.ts"),
  },
  bench: {
    summary: "measure prefill and decode speed of a model",
    load: () => import("./bench.ts"),
  },
  "gpu-info": {
    summary: "list compute backends and devices, and the one that is used",
    load: () => import("./gpu_info.ts"),
  },
  runtime: {
    summary: "list, install and remove variants of libllama",
    load: () => import("./runtime.ts"),
  },
  completion: {
    summary: "print the completion script of a shell",
    load: () => import("./completion.ts"),
  },
  version: {
    summary: "print the versions of Shimmy and libllama",
    load: () => import("./version.ts"),
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
