import { STATUS_CODE } from "@std/http/status";
import type { KeyClaims } from "../../access/mod.ts";
import type { ModelStore } from "../../models/pull/mod.ts";
import { HttpError } from "../http/mod.ts";

/**
 * The store of a key. A key that is limited to some models must not add models: a new model could have
 * any name. It may remove the models that its pool has.
 */
export function storeOfKey(store: ModelStore, { models }: KeyClaims): ModelStore {
  if (models === undefined) return store;
  return {
    find: refuse,
    plan: refuse,
    pull: refuse,
    create: refuse,
    blobs: refuse,
    removal: (entry, asked) => store.removal(entry, asked),
    pulled: (entries) => store.pulled(entries),
  };
}

function refuse(): Promise<never> {
  return Promise.reject(
    new HttpError(
      STATUS_CODE.Forbidden,
      "This key is limited to some models and may not pull or create models",
    ),
  );
}
