import { hashFile } from "../../hash_file.ts";
import type { FromKeeper, ToKeeper } from "./messages.ts";
import { StoreError } from "./object_store.ts";
import { openStore, reasonOf } from "./open_store.ts";
import { StateKeeper } from "./state_keeper.ts";

/** The parts of the global scope of a dedicated Worker that are used here. */
const scope = globalThis as unknown as {
  onmessage: ((event: MessageEvent<ToKeeper>) => void) | null;
  postMessage(message: FromKeeper, transfer?: Transferable[]): void;
};

const running = new Map<number, AbortController>();
let opened: Promise<StateKeeper> | null = null;
/** States are written one after the other, which bounds the memory that they take. */
let writing: Promise<void> = Promise.resolve();

scope.onmessage = ({ data }) => {
  switch (data.type) {
    case "open":
      opened = open(data);
      // Each request tells the reason.
      opened.catch(() => {});
      return;
    case "find":
      return void answer(data.id, () => find(data));
    case "cancel":
      return running.get(data.id)?.abort();
    case "publish":
      writing = writing.then(() => answer(data.id, () => publish(data)));
  }
};

async function open({ location, modelPaths }: Extract<ToKeeper, { type: "open" }>) {
  const model = digest(modelPaths);
  model.then(
    () => scope.postMessage({ type: "ready" }),
    (error) => scope.postMessage({ type: "failed", id: null, reason: reasonOf(error) }),
  );
  return new StateKeeper({ store: await openStore(location), secret: location.secret, model });
}

/** Identifies model files by their content: servers may have them under other names and with other times. */
async function digest(paths: readonly string[]): Promise<string> {
  const digests: string[] = [];
  try {
    for (const path of paths) digests.push(await hashFile(path));
  } catch (cause) {
    throw new StoreError("the model's file cannot be read", { cause });
  }
  return digests.join();
}

async function find(
  { id, request }: Extract<ToKeeper, { type: "find" }>,
): Promise<[FromKeeper, Transferable[]]> {
  const controller = new AbortController();
  running.set(id, controller);
  try {
    const result = await (await opened!).find(request, controller.signal);
    // The state and its checkpoints share the memory of the object.
    const memory = result.found === null ? [] : [result.found.stored.state.buffer];
    return [{ type: "found", id, result }, memory];
  } finally {
    running.delete(id);
  }
}

async function publish(
  { id, request }: Extract<ToKeeper, { type: "publish" }>,
): Promise<[FromKeeper, Transferable[]]> {
  return [{ type: "published", id, result: await (await opened!).publish(request) }, []];
}

async function answer(
  id: number,
  work: () => Promise<[FromKeeper, Transferable[]]>,
): Promise<void> {
  try {
    const [message, transfer] = await work();
    scope.postMessage(message, transfer);
  } catch (error) {
    scope.postMessage({ type: "failed", id, reason: reasonOf(error) });
  }
}
