import { listFiles, modelInfo } from "@huggingface/hub";
import { join } from "node:path";
import { type Authorization, request, StallTimer } from "../../download/mod.ts";
import { messageOf, ShimmyError } from "../../errors.ts";
import { huggingFaceHome } from "../discovery/mod.ts";
import { expandHome } from "../entry/mod.ts";
import type { PullEnvironment } from "./plan.ts";

// Only listing files uses the library. Downloads use `src/download`, because the library's download
// cannot resume, verifies nothing, uses one connection and writes to a name that two processes
// share.

/** A repository at one commit. */
export interface Repository {
  /** The commit of the revision. */
  readonly commit: string;
  readonly files: readonly RepositoryFile[];
}

export interface RepositoryFile {
  readonly path: string;
  /** Size in bytes. */
  readonly size: number;
  /** SHA-256 of a file in large file storage (all models are); otherwise null. */
  readonly sha256: string | null;
  /** Blob name in the cache: the SHA-256, or Git's own hash. */
  readonly id: string;
}

/** Time limit without a byte from the hub. */
const STALL_TIMEOUT_MS = 30_000;
const MAX_FILES = 20_000;

const HUB = "https://huggingface.co";

/** URL of the hub from `HF_ENDPOINT`, without a trailing slash. */
export function hubEndpoint(env: PullEnvironment["env"]): string {
  const endpoint = env("HF_ENDPOINT")?.trim() || HUB;
  if (!URL.canParse(endpoint) || !/^https?:/.test(endpoint)) {
    throw new ShimmyError(
      "invalid",
      `HF_ENDPOINT: must be a URL such as ${HUB}, not '${endpoint}'`,
    );
  }
  return endpoint.replace(/\/+$/, "");
}

/**
 * The user's hub token: `HF_TOKEN`, otherwise the file that Hugging Face's login command writes.
 * Source: https://huggingface.co/docs/huggingface_hub/package_reference/environment_variables
 */
export async function hubAuthorization(
  { env, home }: PullEnvironment,
  endpoint: string,
): Promise<Authorization | undefined> {
  let token = (env("HF_TOKEN") || env("HUGGING_FACE_HUB_TOKEN") || "").trim();
  if (token === "") {
    const folder = huggingFaceHome({ env, home });
    const path = env("HF_TOKEN_PATH") || (folder === null ? undefined : join(folder, "token"));
    token = path === undefined
      ? ""
      : await Deno.readTextFile(expandHome(path, home)).catch(() => "");
  }
  // Other characters cannot be part of a header.
  token = token.trim();
  if (!/^[\x21-\x7e]+$/.test(token)) return undefined;
  return { origin: new URL(endpoint).origin, value: `Bearer ${token}` };
}

/**
 * Lists the files of a repository at the commit of a revision.
 *
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
    const stall = new StallTimer(STALL_TIMEOUT_MS, signal);
    try {
      const { headers } = init ?? {};
      const response = await request(url instanceof Request ? url.url : url, {
        headers,
        authorization,
        signal: stall.signal,
      });
      const refusal = explainHub(response, name, { endpoint, authorization, revision });
      if (refusal === null && response.ok) {
        const body = await response.arrayBuffer();
        return new Response(body, { status: response.status, headers: response.headers });
      }
      await response.body?.cancel();
      throw refusal ?? new Error(`the server answered with status ${response.status}`);
    } catch (error) {
      throw stall.stalled ? new Error("the server did not answer", { cause: error }) : error;
    } finally {
      stall.stop();
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
    if (!/^[0-9a-f]{40}$/.test(sha)) throw new Error("the server returned no commit");
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
      if (files.length === MAX_FILES) throw new Error(`it has more than ${MAX_FILES} files`);
      const sha256 = /^[0-9a-f]{64}$/.test(lfs?.oid ?? "") ? lfs!.oid : null;
      if (sha256 === null && !/^[0-9a-f]{40}$/.test(oid)) continue;
      files.push({ path, size: lfs?.size ?? size, sha256, id: sha256 ?? oid });
    }
    return { commit: sha, files };
  } catch (error) {
    if (signal?.aborted) {
      throw new ShimmyError("cancelled", `Request for ${name} cancelled`, { cause: error });
    }
    if (error instanceof ShimmyError) throw error;
    const reason = error instanceof TypeError ? "the connection failed" : messageOf(error);
    throw new ShimmyError(
      "backend",
      `Cannot get ${name} from ${new URL(endpoint).host}${
        endpoint === HUB ? "" : " (HF_ENDPOINT)"
      }: ${reason}`,
      {
        detail: error instanceof TypeError ? error.message : endpoint,
        cause: error,
      },
    );
  }
}

/**
 * Explains a refusal of the hub and what to do. Returns `null` if the response is not a refusal, or
 * if it comes from a host that the hub redirects to. The hub also answers 401 for missing
 * repositories, so that nobody can find out which names exist.
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
  const page = `${HUB}/${repository}`;
  const accept = `accept the licence on ${page}`;
  const token = "set HF_TOKEN to a token of that account (https://huggingface.co/settings/tokens)";
  const field = { field: "model" };
  if (code === "GatedRepo" || status === 403) {
    return new ShimmyError(
      "invalid",
      hasToken
        ? `${repository} is gated and HF_TOKEN's account has no access: ${accept} with that account, ` +
          "and check that the token may read gated repositories"
        : `${repository} is gated: ${accept} and ${token}`,
      field,
    );
  }
  if (status === 401) {
    return new ShimmyError(
      "not_found",
      hasToken
        ? `${repository} does not exist, or HF_TOKEN is not valid or its account may not read it`
        : `${repository} does not exist or is private; if your account may read it, ${token}`,
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
