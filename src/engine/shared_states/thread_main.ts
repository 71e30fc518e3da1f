import { hashFile } from "../../hash_file.ts";
import type { StoredState } from "../disk_cache/mod.ts";
import type { FromKeeper, KeeperResult, ToKeeper } from "./messages.ts";
import { StoreError } from "./stores/object_store.ts";
import { openStore, reasonOf } from "./stores/open_store.ts";
import { SessionKeeper } from "./sessions/session_keeper.ts";
import { StateKeeper } from "./state_keeper.ts";

/** The parts of the global scope of a dedicated Worker that are used here. */
const scope = globalThis as unknown as {
  onmessage: ((event: MessageEvent<ToKeeper>) => void) | null;
  postMessage(message: FromKeeper, transfer?: Transferable[]): void;
};

const running = new Map<number, AbortController>();
/** Those that use the store. */
interface Keepers {
  readonly states: StateKeeper;
  readonly sessions: SessionKeeper;
}

let opened: Promise<Keepers> | null = null;
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
      return search(data.id, async ({ states }, signal) => {
        const result = await states.find(data.request, signal);
        return [result, result.found?.stored ?? null];
      });
    case "find-session":
      return search(data.id, async ({ sessions }, signal) => {
        const result = await sessions.find(data.request, signal);
        return [result, result.stored];
      });
    case "cancel":
      return running.get(data.id)?.abort();
    case "publish":
      return write(data.id, ({ states }) => states.publish(data.request));
    case "save-session":
      return write(data.id, ({ sessions }) => sessions.save(data.request));
    case "delete-session":
      return write(data.id, ({ sessions }) => sessions.delete(data.name));
  }
};

async function open(
  { location, modelPaths }: Extract<ToKeeper, { type: "open" }>,
): Promise<Keepers> {
  const model = digest(modelPaths);
  model.then(
    () => scope.postMessage({ type: "ready" }),
    (error) => scope.postMessage({ type: "failed", id: null, reason: reasonOf(error) }),
  );
  const options = { store: await openStore(location), secret: location.secret, model };
  return { states: new StateKeeper(options), sessions: new SessionKeeper(options) };
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

/** A result, and a state in it. */
type Answer = [KeeperResult, (StoredState | null)?];

/** Does work that a message may cancel. */
function search(
  id: number,
  work: (keepers: Keepers, signal: AbortSignal) => Promise<Answer>,
): void {
  const controller = new AbortController();
  running.set(id, controller);
  void answer(id, (keepers) => work(keepers, controller.signal)).finally(() => running.delete(id));
}

function write(id: number, work: (keepers: Keepers) => Promise<KeeperResult>): void {
  writing = writing.then(() => answer(id, async (keepers) => [await work(keepers)]));
}

async function answer(id: number, work: (keepers: Keepers) => Promise<Answer>): Promise<void> {
  try {
    const [result, stored] = await work(await opened!);
    // The state and its checkpoints share the memory of the object.
    scope.postMessage({ type: "done", id, result }, stored ? [stored.state.buffer] : []);
  } catch (error) {
    scope.postMessage({ type: "failed", id, reason: reasonOf(error) });
  }
}
