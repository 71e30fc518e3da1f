import { join } from "@std/path";
import { hashFile, request, sizeOf, StallWatch } from "../../download/mod.ts";
import { messageOf, ShimmyError } from "../../errors.ts";
import { modelName, shardName } from "../entry/mod.ts";
import { customaryFolders } from "../discovery/mod.ts";
import type { PlannedFile, PullPlan, PullSurroundings } from "./plan.ts";
import type { Records } from "./records.ts";
import { fileNameOf, referenceText, type UrlReference } from "./reference.ts";

const PATIENCE_MS = 30_000;
const MAGIC = new TextEncoder().encode("GGUF");

/** What is known of files behind addresses besides the addresses. */
export interface UrlOptions {
  /** The file's SHA-256 in hexadecimal, where the user has it. */
  readonly sha256?: string | null;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Works out what pulling a file, or a set of shards, from an address takes. It goes into Shimmy's own
 * folder of models.
 *
 * @throws {ShimmyError} `invalid`, where another file of that name is there; `not_found`; `backend`.
 */
export async function planUrl(
  reference: UrlReference,
  surroundings: PullSurroundings,
  records: Records,
  { sha256 = null, signal }: UrlOptions = {},
): Promise<PullPlan> {
  const { home } = surroundings;
  if (home === undefined) {
    throw new ShimmyError("invalid", "HOME: must be set to pull from a URL");
  }
  const folder = customaryFolders({ home, cwd: home }).at(-1)!;
  const urls = shardUrls(reference.url);
  if (urls.length > 1 && sha256 !== null) {
    throw new ShimmyError("invalid", "--sha256: is for one file, and the model has several", {
      field: "sha256",
    });
  }
  const text = referenceText(reference);
  const files: PlannedFile[] = [];
  for (const url of urls) {
    const name = fileNameOf(url);
    const path = join(folder, name);
    const present = await isPresent(path, { name, text, sha256, records });
    files.push({
      name,
      url: url.href,
      size: present ? await sizeOf(path) : await askSize(url, signal),
      sha256,
      path,
      part: join(folder, ".shimmy", `${name}.part`),
      lock: join(folder, ".shimmy", `${name}.lock`),
      explain,
      present,
    });
  }
  return {
    reference: text,
    from: reference.url.host,
    files,
    finish: async () => {
      for (const { path, name, present } of files) if (!present) await checkMagic(path, name);
      const paths = files.map(({ path }) => path);
      return { model: { name: modelName(paths[0]!), paths }, written: [] };
    },
  };
}

/** The addresses of all shards, where an address is of one. */
function shardUrls(url: URL): URL[] {
  const shard = shardName(url.pathname);
  if (shard === null) return [url];
  return Array.from({ length: shard.count }, (_, i) => {
    const other = new URL(url);
    other.pathname = shard.path(i + 1);
    return other;
  });
}

/** @throws {ShimmyError} `invalid`, where a file is there that came from elsewhere. */
async function isPresent(
  path: string,
  { name, text, sha256, records }: {
    readonly name: string;
    readonly text: string;
    readonly sha256: string | null;
    readonly records: Records;
  },
): Promise<boolean> {
  if (await sizeOf(path) === null) return false;
  const matches = sha256 !== null
    ? await hashFile(path) === sha256
    : (await records.find(text))?.written.includes(path);
  if (matches) return true;
  const why = sha256 === null ? "that came from elsewhere" : "with another checksum";
  throw new ShimmyError("invalid", `${name}: a file of that name is there ${why}; rm it first`, {
    detail: path,
  });
}

/** A file's size in bytes as the server tells it, or `null`. */
async function askSize(url: URL, signal: AbortSignal | undefined): Promise<number | null> {
  const patience = new StallWatch(PATIENCE_MS, signal);
  try {
    // Addresses that are signed for `GET` refuse `HEAD`.
    const headers = { range: "bytes=0-0", "accept-encoding": "identity" };
    const response = await request(url, { headers, signal: patience.signal });
    await response.body?.cancel();
    const error = explain(response);
    if (error !== null) throw error;
    const size = response.status === 206
      ? /\/(\d+)$/.exec(response.headers.get("content-range") ?? "")?.[1]
      : response.status === 200
      ? response.headers.get("content-length")
      : null;
    return size === null || size === undefined ? null : Number(size);
  } catch (error) {
    if (signal?.aborted) {
      throw new ShimmyError("cancelled", "Asking for the file was given up", { cause: error });
    }
    if (error instanceof ShimmyError) throw error;
    const reason = patience.stalled
      ? "the server does not answer"
      : error instanceof TypeError
      ? "the connection failed"
      : messageOf(error);
    throw new ShimmyError("backend", `Cannot ask ${url.host} for ${fileNameOf(url)}: ${reason}`, {
      detail: messageOf(error),
      cause: error,
    });
  } finally {
    patience.stop();
  }
}

function explain({ status }: Response): ShimmyError | null {
  if (status === 401 || status === 403) {
    return new ShimmyError(
      "invalid",
      `The server answers ${status}: the file is not open to everyone, or its address has expired`,
    );
  }
  if (status === 404 || status === 410) {
    return new ShimmyError("not_found", `The server answers ${status}: there is no such file`);
  }
  return null;
}

/** A page that says "not found" or "log in" often comes as a success. */
async function checkMagic(path: string, name: string): Promise<void> {
  const start = new Uint8Array(MAGIC.length);
  {
    using file = await Deno.open(path);
    await file.read(start);
  }
  if (start.every((byte, i) => byte === MAGIC[i])) return;
  await Deno.remove(path);
  throw new ShimmyError("backend", `What the server sent as ${name} is not a GGUF file`);
}
