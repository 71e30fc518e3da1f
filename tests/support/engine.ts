/** The engine with the tiny model, for tests. */
import { fileURLToPath } from "node:url";
import { realLibraryFolder } from "../../ffi/testing.ts";
import { loadEngine as loadWithSinks } from "../../src/engine/load_engine.ts";
import type { Engine, RunningSequence } from "../../src/engine/engine.ts";
import { iterateEvents } from "../../src/engine/event_queue.ts";
import type { LoadOptions, SequenceEvent, SequenceRequest } from "../../src/engine/protocol/mod.ts";

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

export const TINY = path("../../src/assets/tiny/shimmy-tiny.gguf");
export const TINY_F16 = path("../models/shimmy-tiny-f16.gguf");
export const DRAFT = path("../models/shimmy-tiny-draft.gguf");
export const PIRATE_LORA = path("../models/pirate-lora.gguf");

/** Load options of the tiny model for tests. */
export async function tinyOptions(changes: Partial<LoadOptions> = {}): Promise<LoadOptions> {
  const libraryFolder = await realLibraryFolder();
  if (libraryFolder === null) throw new Error("There is no libllama for this machine");
  return {
    libraryFolder,
    modelPaths: [TINY],
    loras: [],
    gpuLayers: 0,
    contextLength: 0,
    parallel: 4,
    batchSize: 0,
    // More threads would compete with other tests.
    threads: 1,
    kvType: "f16",
    flashAttention: "auto",
    kvUnified: false,
    lookup: true,
    contextShift: false,
    verbose: false,
    ...changes,
  };
}

/** A sequence whose events are iterated. Ending the iteration early cancels the sequence. */
export type IteratedSequence = RunningSequence & AsyncIterable<SequenceEvent>;

/** An engine that also generates without a sink, for tests that iterate the events. */
export interface IteratingEngine extends Engine {
  generate(request: SequenceRequest): IteratedSequence;
  generate(...asked: Parameters<Engine["generate"]>): RunningSequence;
}

/** Lets an engine generate without a sink. */
export function iterating(engine: Engine): IteratingEngine {
  const generate = engine.generate.bind(engine);
  return Object.assign(engine, {
    generate: (...[request, sink]: Partial<Parameters<Engine["generate"]>>) =>
      sink === undefined
        ? iterateEvents<SequenceEvent, RunningSequence>((queue) => generate(request!, queue))
        : generate(request!, sink),
  }) as IteratingEngine;
}

/** Loads an engine that also generates without a sink. */
export async function loadEngine(
  ...options: Parameters<typeof loadWithSinks>
): Promise<IteratingEngine> {
  return iterating(await loadWithSinks(...options));
}

/** An engine with the tiny model. */
export async function tinyEngine(changes: Partial<LoadOptions> = {}): Promise<IteratingEngine> {
  return await loadEngine(await tinyOptions(changes));
}

/** A question in the chat template of the tiny model (ChatML). */
export function question(text: string): string {
  return `<|im_start|>user\n${text}<|im_end|>\n<|im_start|>assistant\n`;
}

/** A greedy request for an answer of at most 64 tokens. */
export function ask(prompt: string, changes: Partial<SequenceRequest> = {}): SequenceRequest {
  return {
    prompt: [{ text: prompt, special: true }],
    maxTokens: 64,
    sampling: { temperature: 0 },
    stop: [],
    ...changes,
  };
}

/** All events of a sequence, with the complete text. */
export async function collect(run: AsyncIterable<SequenceEvent>): Promise<{
  readonly text: string;
  readonly tokens: readonly number[];
  readonly done: Extract<SequenceEvent, { type: "done" }>;
  readonly events: readonly SequenceEvent[];
}> {
  const events: SequenceEvent[] = [];
  let text = "";
  const tokens: number[] = [];
  for await (const event of run) {
    events.push(event);
    if (event.type !== "token" && event.type !== "done") continue;
    text += event.text;
    if (event.type === "token") tokens.push(event.token);
    else return { text, tokens, done: event, events };
  }
  throw new Error("The sequence ended without saying so");
}
