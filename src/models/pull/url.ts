import { join } from "node:path";
import { request, sizeOf, StallTimer } from "../../download/mod.ts";
import { hashFile } from "../../hash_file.ts";
import { messageOf, ShimmyError } from "../../errors.ts";
import { modelName, shardName } from "../entry/mod.ts";
import { defaultFolders } from "../discovery/mod.ts";
import type { PlannedFile, PullEnvironment, PullPlan } from "./plan.ts";
import type { Records } from "./records.ts";
import { fileNameOf, referenceText, type UrlReference } from "./reference.ts";

const STALL_TIMEOUT_MS = 30_000;
const MAGIC = new TextEncoder().encode("GGUF");

/** Options of a pull from a URL. */
export interface UrlOptions {
  /** Expected SHA-256 of the file in hexadecimal. */
  readonly sha256?: string | null;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Plans a pull of a file or shard set from a URL. It goes to Shimmy's own model folder.
 *
 * @throws {ShimmyError} `invalid` if a different file of that name exists; `not_found`; `backend`.
 */
export async function planUrl(
  reference: UrlReference,
  environment: PullEnvironment,
  records: Records,
  { sha256 = null, signal }: UrlOptions = {},
): Promise<PullPlan> {
  const { home } = environment;
  if (home === undefined) {
    throw new ShimmyError("invalid", "HOME: must be set to pull from a URL");
  }
  const folder = defaultFolders({ home, cwd: home }).at(-1)!;
  const urls = shardUrls(reference.url);
  if (urls.length > 1 && sha256 !== null) {
    throw new ShimmyError(
      "invalid",
      "--sha256: allowed for a single file only, and the model has several",
      {
        field: "sha256",
      },
    );
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

/** URLs of all shards if the URL is that of a shard. */
function shardUrls(url: URL): URL[] {
  const shard = shardName(url.pathname);
  if (shard === null) return [url];
  return Array.from({ length: shard.count }, (_, i) => {
    const other = new URL(url);
    other.pathname = shard.path(i + 1);
    return other;
  });
}

/**
 * True if the file is already present.
 *
 * @throws {ShimmyError} `invalid` if the existing file has another origin.
 */
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
  const reason = sha256 === null ? "from another source" : "with another checksum";
  throw new ShimmyError(
    "invalid",
    `${name}: a file of that name exists ${reason}; remove it first`,
    {
      detail: path,
    },
  );
}

/** Size of the file in bytes as the server reports it, or `null`. */
async function askSize(url: URL, signal: AbortSignal | undefined): Promise<number | null> {
  const stall = new StallTimer(STALL_TIMEOUT_MS, signal);
  try {
    // URLs that are signed for `GET` refuse `HEAD`.
    const headers = { range: "bytes=0-0", "accept-encoding": "identity" };
    const response = await request(url, { headers, signal: stall.signal });
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
      throw new ShimmyError("cancelled", "Request for the file cancelled", { cause: error });
    }
    if (error instanceof ShimmyError) throw error;
    const reason = stall.stalled
      ? "the server did not answer"
      : error instanceof TypeError
      ? "the connection failed"
      : messageOf(error);
    throw new ShimmyError("backend", `Cannot get ${fileNameOf(url)} from ${url.host}: ${reason}`, {
      ...(messageOf(error) === reason ? {} : { detail: messageOf(error) }),
      cause: error,
    });
  } finally {
    stall.stop();
  }
}

function explain({ status }: Response): ShimmyError | null {
  if (status === 401 || status === 403) {
    return new ShimmyError(
      "invalid",
      `The server answered with status ${status}: the file is not public, or the URL has expired`,
    );
  }
  if (status === 404 || status === 410) {
    return new ShimmyError(
      "not_found",
      `The server answered with status ${status}: the file does not exist`,
    );
  }
  return null;
}

/** Checks the file's magic number: servers often send an error or login page with status 200. */
async function checkMagic(path: string, name: string): Promise<void> {
  const start = new Uint8Array(MAGIC.length);
  {
    using file = await Deno.open(path);
    await file.read(start);
  }
  if (start.every((byte, i) => byte === MAGIC[i])) return;
  await Deno.remove(path);
  throw new ShimmyError("backend", `The file that the server sent as ${name} is not a GGUF file`);
}
