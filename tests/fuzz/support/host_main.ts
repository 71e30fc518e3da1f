/** Runs parts of the product for `host.ts`: reads tasks as lines of JSON, writes their results. */
import { TextLineStream } from "@std/streams/text-line-stream";
import type { ChatInput } from "../../../src/chat/prompt/mod.ts";
import { PreparationPool } from "../../../src/chat/preparation/mod.ts";
import { ShimmyError } from "../../../src/errors.ts";
import { readHeader } from "../../../src/models/gguf/mod.ts";
import { EngineDouble } from "../../doubles/engine.ts";

/** A task. */
export type HostTask =
  | { readonly type: "header"; readonly path: string }
  | { readonly type: "template"; readonly template: string; readonly input: ChatInput };

/** What came of a task, and the longest time in which the main thread did not turn. */
export interface HostResult {
  /** The message of an error that the product expects, or null. */
  readonly refused: string | null;
  /** Any other error, or null. */
  readonly thrown: string | null;
  readonly lag: number;
}

const pool = new PreparationPool();

async function run(task: HostTask): Promise<void> {
  if (task.type === "header") return void await readHeader(task.path);
  const { info } = new EngineDouble({ info: { chatTemplate: task.template } });
  await pool.answer(info, task.input, { type: "text" });
}

let lag = 0;
let turned = performance.now();
setInterval(() => {
  lag = Math.max(lag, performance.now() - turned);
  turned = performance.now();
}, 50);

async function resultOf(task: HostTask): Promise<HostResult> {
  lag = 0;
  turned = performance.now();
  let error: unknown = null;
  await run(task).catch((thrown) => error = thrown);
  const isExpected = error instanceof ShimmyError && !(error.cause instanceof TypeError);
  return {
    refused: isExpected ? (error as unknown as ShimmyError).message : null,
    thrown: error === null || isExpected ? null : String((error as Error).stack ?? error),
    lag: Math.max(lag, performance.now() - turned),
  };
}

const lines = Deno.stdin.readable
  .pipeThrough(new TextDecoderStream())
  .pipeThrough(new TextLineStream());
for await (const line of lines) {
  console.log(JSON.stringify(await resultOf(JSON.parse(line))));
}
Deno.exit(0);
