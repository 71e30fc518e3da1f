import { type ModelInfo, serializeError } from "../../engine/protocol/mod.ts";
import { renderPrompt, UnusableTemplateError } from "../prompt/mod.ts";
import { type FromThread, toMessage, type ToThread } from "./messages.ts";
import { type Phase, prepareAnswer } from "./prepare.ts";

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
  if (hasAnnounced && phase === "template") return;
  hasAnnounced = true;
  post({ phase });
}

const models = new Map<number, ModelInfo>();

scope.onmessage = ({ data }) => {
  port = data;
  port.onmessage = run;
};

async function run(
  { data: { model, info, forget, task } }: MessageEvent<ToThread>,
): Promise<void> {
  if (forget !== undefined) models.delete(forget);
  if (info !== undefined) models.set(model, info);
  const start = performance.now();
  const isLarge = () =>
    performance.now() - start > LONG_TASK && Deno.memoryUsage().heapUsed > LARGE_HEAP;
  try {
    const known = models.get(model)!;
    if (task.type === "prompt") {
      announce("template");
      const prompt = await renderPrompt(known, task.input);
      post({ prompt, isLarge: isLarge() });
    } else {
      const { input, format } = task;
      const answer = await prepareAnswer(known, input, format, announce);
      post({ answer: toMessage(answer, input), isLarge: isLarge() });
    }
  } catch (error) {
    const unusable = error instanceof UnusableTemplateError ? { unusable: error.source } : {};
    post({ error: serializeError(error), isLarge: isLarge(), ...unusable });
  }
}
