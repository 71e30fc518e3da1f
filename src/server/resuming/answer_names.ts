import { ShimmyError } from "../../errors.ts";
import type { Caller } from "../answers/mod.ts";

/** Milliseconds for which a name is kept after the end of its answer, as the answer is. */
const KEPT_MS = 60_000;

/** Maximum names that are kept after the end of their answers. */
const KEPT_NAMES = 1024;

/** An answer with a name. */
interface Named {
  readonly id: string;
  /** Resolves when the answer can be found by its id, or will never be. */
  readonly known: Promise<void>;
  /** Infinity while it runs. */
  endedAt: number;
}

/** The names of each server. */
const servers = new WeakMap<object, Map<string, Named>>();

type Owner = Pick<Caller, "context" | "key">;

function namesOf({ context: { settings } }: Owner): Map<string, Named> {
  const names = servers.get(settings) ?? new Map<string, Named>();
  servers.set(settings, names);
  return names;
}

/** The names of one key are not those of another. */
function placeOf({ key }: Owner, name: string): string {
  return `${key?.id ?? ""} ${name}`;
}

/**
 * Gives an answer a name that its client chose, before the model is loaded and the prompt is computed: a
 * client that loses its connection meanwhile has no id to take the answer up.
 *
 * @returns what is to be called when the answer can be found by its id.
 * @throws {ShimmyError} `invalid` for the name of an answer that runs.
 */
export function nameAnswer(
  owner: Owner & Pick<Caller, "onEnd">,
  name: string,
  id: string,
): () => void {
  const names = namesOf(owner);
  forget(names);
  const place = placeOf(owner, name);
  if (names.get(place)?.endedAt === Infinity) {
    const message = `detach: '${name}' is the name of an answer that runs; choose another name`;
    throw new ShimmyError("invalid", message, { field: "detach" });
  }
  const { promise, resolve } = Promise.withResolvers<void>();
  const named: Named = { id, known: promise, endedAt: Infinity };
  names.delete(place);
  names.set(place, named);
  owner.onEnd(() => {
    resolve();
    named.endedAt = performance.now();
    if (names.get(place) !== named) return;
    // To the end of the order in which they are forgotten.
    names.delete(place);
    names.set(place, named);
  });
  return resolve;
}

/**
 * The id of the answer that a request asks for by its id or its name. Waits while the answer has its name
 * only.
 *
 * @throws {ShimmyError} `cancelled` when the client leaves meanwhile.
 */
export async function answerIdOf(
  asker: Owner & Pick<Caller, "signal">,
  idOrName: string,
): Promise<string> {
  const names = namesOf(asker);
  forget(names);
  const named = names.get(placeOf(asker, idOrName));
  if (named === undefined) return idOrName;
  const { signal } = asker;
  const left = Promise.withResolvers<never>();
  const leave = () => left.reject(new ShimmyError("cancelled", "The request was cancelled"));
  signal.addEventListener("abort", leave, { once: true });
  try {
    await Promise.race([named.known, left.promise]);
  } finally {
    signal.removeEventListener("abort", leave);
  }
  return named.id;
}

/** Forgets the names of answers that ended too long ago, and above the limit the oldest ones. */
function forget(names: Map<string, Named>): void {
  const now = performance.now();
  const ended = [...names].filter(([, { endedAt }]) => endedAt !== Infinity);
  const surplus = ended.length - KEPT_NAMES;
  ended.forEach(([place, { endedAt }], index) => {
    if (index < surplus || now - endedAt >= KEPT_MS) names.delete(place);
  });
}
