/**
 * Runs models inside a Deno program, without a server.
 *
 * ```ts
 * import { loadModel } from "@shimmy/shimmy/library";
 *
 * await using model = await loadModel({ model: "shimmy-tiny" });
 * const { text } = await model.generate("What is the capital of France?").result();
 * ```
 *
 * @module
 */
export type { ErrorKind } from "../errors.ts";
export { ShimmyError } from "../errors.ts";
export type { Engine } from "../engine/mod.ts";
export type { ModelInfo, Sampling, Timings, Usage } from "../engine/protocol/mod.ts";
export type { AnswerFinish, Format, Message } from "../chat/mod.ts";
export type { Generation, GenerationResult } from "./generation.ts";
export { loadModel, type LoadModelOptions } from "./load_model.ts";
export type { Embeddings, EmbedOptions, GenerateOptions, Model } from "./model.ts";
