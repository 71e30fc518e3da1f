import { KV_TYPES, SPLIT_MODES, type TensorOverride } from "../../engine/protocol/mod.ts";
import { type Lora, parseLora } from "../../models/entry/mod.ts";
import { flag, integer, oneOf, text } from "./option_kinds.ts";
import { type Option, UsageError, type Values } from "./options.ts";

/** Backends a user may ask for. */
export const GPU_BACKENDS = ["auto", "cpu", "cuda", "vulkan", "opencl", "metal"] as const;

/** The options every command takes. */
export const GLOBAL_OPTIONS = {
  "model-dirs": text("A;B", {
    env: "SHIMMY_MODEL_PATHS",
    help: "folders with models, separated by ';'",
  }),
  "gpu-backend": oneOf(GPU_BACKENDS, {
    env: "SHIMMY_GPU_BACKEND",
    fallback: "auto",
    help: "what computes",
  }),
  "gpu-layers": gpuLayers(),
  "gpu-reserve": integer({
    min: 0,
    fallback: null,
    help: "MiB that auto leaves free on each GPU; the default is an eighth of it, 1024 at most",
  }),
  "split-mode": oneOf(SPLIT_MODES, {
    fallback: "layer",
    help:
      "how several GPUs share a model: one has all, or each has layers, rows of matrices, or a " +
      "part of every tensor",
  }),
  "main-gpu": integer({
    min: 0,
    max: 1023,
    fallback: null,
    help: "the GPU, from 0, that has all under --split-mode none",
  }),
  "tensor-split": tensorSplit(),
  "cpu-moe": flag({ help: "keep the experts of all layers in the CPU's memory" }),
  "n-cpu-moe": integer({
    min: 1,
    max: 100_000,
    fallback: null,
    help: "keep the experts of the first N layers in the CPU's memory",
  }),
  "override-tensor": tensorOverrides(),
  "ctx": integer({
    env: "SHIMMY_MAX_CTX",
    min: 0,
    max: 2 ** 31 - 1,
    fallback: 0,
    help: "tokens of context for each sequence; 0: as trained, or what memory has room for",
  }),
  "threads": integer({
    min: 0,
    max: 1024,
    fallback: 0,
    help: "threads that compute; 0: as many as there are cores",
  }),
  "batch": integer({
    min: 0,
    max: 65_536,
    fallback: 0,
    help: "tokens in one step; 0: the default",
  }),
  "kv-type": oneOf(KV_TYPES, { fallback: "f16", help: "element type of the KV cache" }),
  "kv-unified": flag({ help: "one KV buffer for all sequences instead of one for each" }),
  "flash-attn": oneOf(["auto", "on", "off"], { fallback: "auto", help: "flash attention" }),
  "context-shift": flag({ help: "forget the oldest half when a context is full, and go on" }),
  "lookup": oneOf(["on", "off"], {
    fallback: "on",
    help: "draft tokens from text that repeats itself",
  }),
  "draft": text("NAME", {
    help: "a small model of the same vocabulary that drafts tokens; references are pulled first",
  }),
  "lora": loras(),
  "config": text("FILE", {
    env: "SHIMMY_CONFIG",
    help: "settings; else shimmy.json in the working directory or the user's configuration folder",
  }),
  "verbose": flag({ help: "show causes of failures and native logs" }),
} as const;

export type GlobalValues = Values<typeof GLOBAL_OPTIONS>;

/** Layers on the GPU; `auto` is `null`. */
function gpuLayers(): Option<number | null> {
  return {
    value: "auto|all|N",
    help: "layers to place on the GPU",
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

/** Shares of the GPUs; `null` where nobody says. */
function tensorSplit(): Option<readonly number[] | null> {
  return {
    value: "N,N",
    help: "how much of a model each GPU gets, in proportion to the others; else by free memory",
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

/** Each as the engine takes it; the pattern ends at the last `=`. */
function tensorOverrides(): Option<readonly TensorOverride[]> {
  return {
    value: "PATTERN=BUFFER",
    help: "place tensors whose names match a regular expression in a buffer, such as CPU",
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
    help: "a LoRA adapter or control vector for the model",
    repeatable: true,
    read: (texts, label) => texts.map((one) => parseLora(one, label)),
  };
}
