import { type ModelInfo, serializeError } from "../../engine/protocol/mod.ts";
import { parseJsonBytes } from "../../json_value.ts";
import { UnusableTemplateError } from "../prompt/mod.ts";
import {
  type FromThread,
  type SentModel,
  type Task,
  toMessage,
  type ToThread,
} from "./messages.ts";
import { inlinePreparer, type Phase, prepareAnswer } from "./prepare.ts";

/** The part of the global scope of a dedicated Worker that is used here. */
const scope = globalThis as unknown as {
  /** The only message is the port to the sender of the tasks. */
  onmessage: ((event: MessageEvent<MessagePort>) => void) | null;
};
let port: MessagePort;
const post = (message: FromThread) => port.postMessage(message);

/** Heap of the thread that is not kept for the next task. */
const LARGE_HEAP = 128 * 1024 * 1024;
/** Milliseconds of a task after which the heap is read. Reading it takes longer than most tasks. */
const LONG_TASK = 50;

/** Whether the other side knows that this thread runs: its first task includes the start. */
let hasAnnounced = false;

function announce(phase: Phase): void {
  // Most tasks take less time than a message.
  if (hasAnnounced && phase !== "format") return;
  hasAnnounced = true;
  post({ phase });
}

const models = new Map<number, ModelInfo>();

scope.onmessage = ({ data }) => {
  port = data;
  port.onmessage = run;
};

async function run({ data: { model, task } }: MessageEvent<ToThread>): Promise<void> {
  const start = performance.now();
  const isLarge = () =>
    performance.now() - start > LONG_TASK && Deno.memoryUsage().heapUsed > LARGE_HEAP;
  try {
    const result = await resultOf(task, model);
    post({ ...result, isLarge: isLarge() });
  } catch (error) {
    const unusable = error instanceof UnusableTemplateError ? { unusable: error.source } : {};
    post({ error: serializeError(error), isLarge: isLarge(), ...unusable });
  }
}

async function resultOf(task: Task, model: SentModel | undefined) {
  if (task.type === "json") {
    announce("json");
    return { json: parseJsonBytes(task.bytes, task.field) };
  }
  const info = known(model!);
  if (task.type === "prompt") {
    announce("template");
    return { prompt: await inlinePreparer.prompt(info, task.input) };
  }
  const answer = await prepareAnswer(info, task.input, task.format, announce);
  return { answer: toMessage(answer, task.input) };
}

function known({ id, info, forget }: SentModel): ModelInfo {
  if (forget !== undefined) models.delete(forget);
  if (info !== undefined) models.set(id, info);
  return models.get(id)!;
}
