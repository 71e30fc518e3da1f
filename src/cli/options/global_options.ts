import {
  KV_TYPES,
  KV_UNIFIED,
  SPLIT_MODES,
  SWA_FULL,
  type TensorOverride,
} from "../../engine/protocol/mod.ts";
import { type Lora, parseLora } from "../../models/entry/mod.ts";
import { type Endpoint, parseEndpoints } from "../../rpc/workers/endpoint.ts";
import { flag, integer, oneOf, size, text, texts } from "./option_kinds.ts";
import { type Option, UsageError, type Values } from "./options.ts";

/** Values of `--gpu-backend`. */
export const GPU_BACKENDS = ["auto", "cpu", "cuda", "vulkan", "opencl", "metal"] as const;

/** The options that every command takes. */
export const GLOBAL_OPTIONS = {
  "model-dirs": texts("A;B", {
    env: "SHIMMY_MODEL_PATHS",
    help:
      "model directories, separated by ';'; a directory with ':' in its name needs a ';' after it",
  }),
  "gpu-backend": oneOf(GPU_BACKENDS, {
    env: "SHIMMY_GPU_BACKEND",
    fallback: "auto",
    help: "compute backend",
  }),
  "gpu-layers": gpuLayers(),
  "gpu-reserve": integer({
    min: 0,
    fallback: null,
    help: "MiB to keep free on each GPU with --gpu-layers auto; default 1/8 of it, at most 1024",
  }),
  "rpc": rpcWorkers(),
  "rpc-key": text("FILE", {
    isPath: true,
    env: "SHIMMY_RPC_KEY",
    help:
      "key that this machine shares with RPC workers: connections are authenticated and encrypted",
  }),
  "rpc-fallback": flag({
    help: "load a model without the workers of --rpc that do not answer, if it fits",
  }),
  "split-mode": oneOf(SPLIT_MODES, {
    fallback: "layer",
    help:
      "how to split a model across GPUs: none: use one GPU; layer: whole layers; row: rows of " +
      "matrices; tensor: a part of every tensor; default layer",
  }),
  "main-gpu": integer({
    min: 0,
    max: 1023,
    fallback: null,
    help: "index of the GPU to use with --split-mode none",
  }),
  "tensor-split": tensorSplit(),
  "cpu-moe": flag({ help: "keep the MoE weights of all layers in main memory" }),
  "n-cpu-moe": integer({
    min: 1,
    max: 100_000,
    fallback: null,
    help: "keep the MoE weights of the first N layers in main memory",
  }),
  "override-tensor": tensorOverrides(),
  "ctx": integer({
    short: "c",
    env: "SHIMMY_MAX_CTX",
    min: 0,
    max: 2 ** 31 - 1,
    fallback: 0,
    help: "context length of each sequence in tokens, or of all together with --kv-unified; " +
      "0: the training length, or what fits",
  }),
  "threads": integer({
    short: "t",
    min: 0,
    max: 1024,
    fallback: 0,
    help: "CPU threads; 0: one for each core, and one for a model below 8 MiB",
  }),
  "batch": integer({
    min: 0,
    max: 65_536,
    fallback: 0,
    help: "maximum tokens per decode step; 0: the default",
  }),
  "kv-type": oneOf(KV_TYPES, { fallback: "f16", help: "data type of the KV cache; default f16" }),
  "kv-unified": {
    ...oneOf(KV_UNIFIED, {
      fallback: "auto",
      help:
        "share one KV buffer between all sequences; auto: unless each gets the whole context; " +
        "default auto",
    }),
    bare: "on",
    words: KV_UNIFIED,
    negated: "off",
  },
  "swa-full": oneOf(SWA_FULL, {
    fallback: "auto",
    help: "keep all cells of sliding-window layers; auto: unless the window allows more context; " +
      "default auto",
  }),
  "flash-attn": oneOf(["auto", "on", "off"], {
    fallback: "auto",
    help: "use flash attention; default auto",
  }),
  "context-shift": flag({ help: "discard the oldest half of a full context and continue" }),
  "stream-interval": integer({
    min: 0,
    max: 1000,
    fallback: null,
    help: "milliseconds in which fast tokens are sent together; 0: each token at once; " +
      "default 16, or 32 if the model computes on all cores",
  }),
  "lookup": oneOf(["on", "off"], {
    fallback: "on",
    help: "speculative decoding from repeated text; default on",
  }),
  "disk-cache": size({
    env: "SHIMMY_DISK_CACHE",
    help:
      "maximum size of the prefix cache on disk, such as 20GB; the files contain prompts and answers; " +
      "0: no files; default 0",
  }),
  "disk-cache-dir": text("DIR", {
    isPath: true,
    env: "SHIMMY_DISK_CACHE_DIR",
    help: "directory of --disk-cache; default: in the cache directory",
  }),
  "shared-cache": text("DIR|URL", {
    isPath: true,
    env: "SHIMMY_SHARED_CACHE",
    help: "directory, or bucket s3://BUCKET[/PREFIX][?endpoint=URL&region=NAME], of prefixes, " +
      "sessions and saved slots that several servers share; they contain prompts and answers",
  }),
  "shared-cache-key": text("KEY", {
    env: "SHIMMY_SHARED_CACHE_KEY",
    help: "secret of --shared-cache: states and sessions of servers with another one are not used",
  }),
  "draft": text("NAME", {
    isPath: true,
    help: "draft model for speculative decoding; used for models with the same vocabulary",
  }),
  "mmproj": text("FILE", {
    isPath: true,
    help: "projector (mmproj) for images and audio; used for models that it belongs to",
  }),
  "no-mmproj": flag({ help: "load no projectors: models read only text" }),
  "mmproj-offload": oneOf(["on", "off"], {
    fallback: "on",
    help: "compute images and audio on the GPU of the model; default on",
  }),
  "lora": loras(),
  "config": text("FILE", {
    isPath: true,
    env: "SHIMMY_CONFIG",
    help: "configuration file; default: shimmy.json here or in the user's configuration folder",
  }),
  "quiet": flag({ help: "print no notes and no progress; errors and warnings remain" }),
  "verbose": flag({ help: "show causes of errors and native logs" }),
} as const;

export type GlobalValues = Values<typeof GLOBAL_OPTIONS>;

/** Layers on the GPU: `null` for `auto`, -1 for `all`. */
function gpuLayers(): Option<number | null> {
  return {
    value: "auto|all|N",
    help: "layers to offload to the GPU; auto: as many as fit; default auto",
    read: ([given = "auto"], label) => {
      if (given === "auto") return null;
      if (given === "all") return -1;
      if (/^\d{1,9}$/.test(given)) return Number(given);
      throw new UsageError(
        `${label}: must be auto, all or a whole number of layers, not '${given}'`,
      );
    },
  };
}

/** RPC workers; empty when not given. */
function rpcWorkers(): Option<readonly Endpoint[]> {
  return {
    value: "HOST:PORT,...",
    env: "SHIMMY_RPC",
    help: "RPC workers whose devices hold layers too, such as those of `shimmy rpc-serve`",
    read: ([given = ""], label) => parseEndpoints(given, label),
  };
}

/** Shares of the GPUs, or `null` when not given. */
function tensorSplit(): Option<readonly number[] | null> {
  return {
    value: "N,N",
    help: "share of each GPU, such as 3,1; default: by free memory",
    read: ([given], label) => {
      if (given === undefined) return null;
      const shares = given.split(/[,\/]/).map((share) => share.trim() === "" ? NaN : Number(share));
      const right = shares.every((share) => Number.isFinite(share) && share >= 0) &&
        shares.some((share) => share > 0);
      if (right) return shares;
      throw new UsageError(`${label}: must be numbers for each GPU, such as 3,1, not '${given}'`);
    },
  };
}

/** Tensor overrides as the engine takes them. The last `=` ends the pattern. */
function tensorOverrides(): Option<readonly TensorOverride[]> {
  return {
    value: "PATTERN=BUFFER",
    help: "buffer type, such as CPU, for tensors whose names match a regular expression",
    repeatable: true,
    read: (texts, label) =>
      texts.map((text) => {
        const [, pattern, buffer] = /^(.+)=([^=]+)$/.exec(text) ?? [];
        if (pattern === undefined || buffer === undefined) {
          throw new UsageError(`${label}: must be PATTERN=BUFFER, not '${text}'`);
        }
        if (!isRegExp(pattern)) {
          throw new UsageError(`${label}: '${pattern}' is not a regular expression`);
        }
        return { pattern, buffer };
      }),
  };
}

function isRegExp(pattern: string): boolean {
  try {
    new RegExp(pattern);
    return true;
  } catch {
    return false;
  }
}

function loras(): Option<readonly Lora[]> {
  return {
    value: "FILE[:SCALE]",
    isPath: true,
    help: "LoRA adapter or control vector for the model",
    repeatable: true,
    read: (texts, label) => texts.map((one) => parseLora(one, label)),
  };
}
