import type { SharedCacheLocation } from "../../protocol/mod.ts";
import { type ObjectStore, StoreError } from "./object_store.ts";

/** Opens a store. The client of buckets is loaded for buckets alone. */
export async function openStore(location: SharedCacheLocation): Promise<ObjectStore> {
  if ("folder" in location) {
    const { SharedFolder } = await import("./folder.ts");
    return new SharedFolder(location.folder);
  }
  const { Bucket } = await import("./bucket.ts");
  return new Bucket(location.bucket);
}

/** The reason of a failure for users. The message of the system has paths and addresses. */
export function reasonOf(error: unknown): string {
  if (error instanceof StoreError) return error.message;
  if (error instanceof DOMException && error.name === "TimeoutError") {
    return "it does not answer in time";
  }
  const { NotFound, PermissionDenied, NotCapable } = Deno.errors;
  if (error instanceof NotFound) return "its folder does not exist";
  if (error instanceof PermissionDenied || error instanceof NotCapable) {
    return "this server may not use it";
  }
  const code = (error as { code?: unknown } | null)?.code;
  if (code === "ENOSPC" || code === "EDQUOT") return "its disk is full";
  return "it cannot be reached";
}
