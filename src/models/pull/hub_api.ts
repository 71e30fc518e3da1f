import { listFiles, modelInfo } from "@huggingface/hub";
import { join } from "@std/path";
import { type Authorization, request, StallWatch } from "../../download/mod.ts";
import { messageOf, ShimmyError } from "../../errors.ts";
import type { PullSurroundings } from "./plan.ts";

// What the library's own download cannot do, and why `src/download` does it: it begins anew each time,
// checks nothing, uses one connection and writes to a name that two processes share.

/** A repository's state. */
export interface Repository {
  /** The commit that the revision is at. */
  readonly commit: string;
  readonly files: readonly RepositoryFile[];
}

export interface RepositoryFile {
  readonly path: string;
  /** In bytes. */
  readonly size: number;
  /** Of files in large file storage, as all models are. */
  readonly sha256: string | null;
  /** What the cache calls the file: its SHA-256, or Git's own hash. */
  readonly id: string;
}

/** Milliseconds that the hub may take for an answer. */
const PATIENCE_MS = 30_000;
const MAX_FILES = 20_000;

/** Where the hub is, as Hugging Face's own tools take it, without a slash at its end. */
export function hubEndpoint(env: PullSurroundings["env"]): string {
  const endpoint = env("HF_ENDPOINT") || "https://huggingface.co";
  if (!URL.canParse(endpoint) || !/^https?:/.test(endpoint)) {
    throw new ShimmyError("invalid", "HF_ENDPOINT: must be a URL such as https://huggingface.co");
  }
  return endpoint.replace(/\/+$/, "");
}

/**
 * The user's token for the hub: `HF_TOKEN`, else the file that Hugging Face's own login writes.
 * Source: https://huggingface.co/docs/huggingface_hub/package_reference/environment_variables
 */
export async function hubAuthorization(
  { env, home }: PullSurroundings,
  endpoint: string,
): Promise<Authorization | undefined> {
  let token = (env("HF_TOKEN") || env("HUGGING_FACE_HUB_TOKEN") || "").trim();
  if (token === "") {
    const folder = env("HF_HOME") ||
      (home === undefined ? undefined : join(home, ".cache", "huggingface"));
    const path = env("HF_TOKEN_PATH") || (folder === undefined ? undefined : join(folder, "token"));
    token = path === undefined ? "" : await Deno.readTextFile(path).catch(() => "");
  }
  // Whatever else is in there cannot be a header.
  token = token.trim();
  if (!/^[\x21-\x7e]+$/.test(token)) return undefined;
  return { origin: new URL(endpoint).origin, value: `Bearer ${token}` };
}

/**
 * The files of a repository at the commit that a revision is at.
 * @throws {ShimmyError} `not_found`, or `backend` with what to do.
 */
export async function readRepository(
  name: string,
  { revision, endpoint, authorization, signal }: {
    /** A branch, a tag or a commit. */
    readonly revision: string;
    readonly endpoint: string;
    readonly authorization: Authorization | undefined;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<Repository> {
  const get: typeof fetch = async (url, init) => {
    const patience = new StallWatch(PATIENCE_MS, signal);
    try {
      const { headers } = init ?? {};
      const response = await request(url instanceof Request ? url.url : url, {
        headers,
        authorization,
        signal: patience.signal,
      });
      const refusal = explainHub(response, name, { endpoint, authorization, revision });
      if (refusal === null && response.ok) {
        const body = await response.arrayBuffer();
        return new Response(body, { status: response.status, headers: response.headers });
      }
      await response.body?.cancel();
      throw refusal ?? new Error(`the server answers ${response.status}`);
    } catch (error) {
      throw patience.stalled ? new Error("the server does not answer", { cause: error }) : error;
    } finally {
      patience.stop();
    }
  };
  const common = { hubUrl: endpoint, fetch: get };
  try {
    const { sha } = await modelInfo({
      ...common,
      name,
      revision,
      additionalFields: ["sha"],
    });
    if (!/^[0-9a-f]{40}$/.test(sha)) throw new Error("the server names no commit");
    const files: RepositoryFile[] = [];
    for await (
      const { type, path, size, oid = "", lfs } of listFiles({
        ...common,
        repo: { type: "model", name },
        revision: sha,
        recursive: true,
      })
    ) {
      if (type !== "file") continue;
      if (files.length === MAX_FILES) throw new Error("it has too many files");
      const sha256 = /^[0-9a-f]{64}$/.test(lfs?.oid ?? "") ? lfs!.oid : null;
      if (sha256 === null && !/^[0-9a-f]{40}$/.test(oid)) continue;
      files.push({ path, size: lfs?.size ?? size, sha256, id: sha256 ?? oid });
    }
    return { commit: sha, files };
  } catch (error) {
    if (signal?.aborted) {
      throw new ShimmyError("cancelled", `Asking for ${name} was given up`, { cause: error });
    }
    if (error instanceof ShimmyError) throw error;
    const reason = error instanceof TypeError ? "the connection failed" : messageOf(error);
    throw new ShimmyError(
      "backend",
      `Cannot ask ${new URL(endpoint).host} for ${name}: ${reason}`,
      {
        detail: error instanceof TypeError ? error.message : endpoint,
        cause: error,
      },
    );
  }
}

/**
 * What the hub means by refusing, as something to do; `null` where its answer is no refusal, or where
 * it is that of a host it redirects to. The hub answers 401 also for what is not there, so that nobody
 * learns which names are taken.
 */
export function explainHub(
  { status, headers, url }: Response,
  repository: string,
  { endpoint, authorization, revision }: {
    readonly endpoint: string;
    readonly authorization: Authorization | undefined;
    readonly revision: string;
  },
): ShimmyError | null {
  if (new URL(url).origin !== new URL(endpoint).origin) return null;
  const hasToken = authorization !== undefined;
  const code = headers.get("x-error-code");
  const page = `https://huggingface.co/${repository}`;
  const accept = `accept the licence on ${page}`;
  const token = "set HF_TOKEN to a token of that account (https://huggingface.co/settings/tokens)";
  const field = { field: "model" };
  if (code === "GatedRepo" || status === 403) {
    return new ShimmyError(
      "invalid",
      hasToken
        ? `${repository} is gated and HF_TOKEN's account has no access: ${accept} with that account, ` +
          "and see that the token may read gated repositories"
        : `${repository} is gated: ${accept} and ${token}`,
      field,
    );
  }
  if (status === 401) {
    return new ShimmyError(
      "not_found",
      hasToken
        ? `${repository} does not exist, or HF_TOKEN is not valid or its account may not read it`
        : `${repository} does not exist or is private; where an account may read it, ${token}`,
      field,
    );
  }
  if (status === 404) {
    const what = code === "EntryNotFound"
      ? "has no such file"
      : code === "RevisionNotFound"
      ? `has no branch, tag or commit '${revision}'`
      : "does not exist";
    return new ShimmyError("not_found", `${repository} ${what} on the hub`, field);
  }
  return null;
}
