/** Doubles of the Hugging Face hub, its CDN and the Ollama registry, on loopback. */
import { createHash } from "node:crypto";

/** A recorded request. */
export interface Seen {
  readonly path: string;
  readonly range: string | null;
  readonly ifRange: string | null;
  readonly authorization: string | null;
}

/** Replaces a response, or returns `null` to leave it unchanged. */
export type Interference = (
  request: Request,
  count: number,
) => Response | null | Promise<Response | null>;

export interface HubRepository {
  readonly files: Readonly<Record<string, Uint8Array<ArrayBuffer>>>;
  /** The token that may read its files. */
  readonly token?: string;
  /** Response without the token: 401 `RepoNotFound`, or 401 and 403 `GatedRepo`. */
  readonly closed?: "private" | "gated";
  readonly commit?: string;
  /** Other branches and tags with their commits and files. */
  readonly revisions?: Readonly<Record<string, Pick<HubRepository, "files"> & { commit: string }>>;
}

export interface OllamaModel {
  readonly layers: readonly { readonly kind: string; readonly bytes: Uint8Array<ArrayBuffer> }[];
  readonly config?: Uint8Array<ArrayBuffer>;
}

export const COMMIT = "1".repeat(40);
/** Entries per page of a listing, few enough for several pages. */
const PAGE = 2;

/** The hub with files on another host, as the real one has them, and the Ollama registry. */
export class HubDouble implements AsyncDisposable {
  /** By `owner/repo`. */
  readonly repositories = new Map<string, HubRepository>();
  /** By `namespace/model:tag`. */
  readonly models = new Map<string, OllamaModel>();
  /** Requests to the hub and the registry. */
  readonly asked: Seen[] = [];
  /** Requests to the CDN. */
  readonly fetched: Seen[] = [];
  /** Replaces responses of the CDN. */
  interfere: Interference = () => null;
  /** Whether the CDN supports range requests. */
  ranges = true;
  readonly #blobs = new Map<string, Uint8Array<ArrayBuffer>>();
  readonly #hub: Deno.HttpServer<Deno.NetAddr>;
  readonly #network: Deno.HttpServer<Deno.NetAddr>;

  constructor() {
    this.#hub = listen((request) => this.#answer(request));
    this.#network = listen((request) => this.#send(request));
  }

  /** `http://127.0.0.1:<port>` of the hub and the registry. */
  get url(): string {
    return `http://127.0.0.1:${this.#hub.addr.port}`;
  }

  /** `http://127.0.0.1:<port>` of the CDN. */
  get network(): string {
    return `http://127.0.0.1:${this.#network.addr.port}`;
  }

  /** Environment that makes Shimmy use this server and folders within `folder`. */
  env(folder: string): Record<string, string> {
    return {
      HF_ENDPOINT: this.url,
      HF_HOME: `${folder}/hf`,
      OLLAMA_MODELS: `${folder}/ollama`,
      SHIMMY_OLLAMA_REGISTRY: this.url,
      SHIMMY_CACHE_DIR: `${folder}/cache`,
      HOME: `${folder}/home`,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#hub.shutdown();
    await this.#network.shutdown();
  }

  #answer(request: Request): Response {
    const { pathname, search } = new URL(request.url);
    this.asked.push(seen(request));
    const api = /^\/api\/models\/([^/]+\/[^/]+)\/(revision|tree)\/([^/?]+)/.exec(pathname);
    if (api !== null) {
      const [, name, what, revision] = api as unknown as string[];
      const asked = { name: name!, what: what!, revision: decodeURIComponent(revision!), search };
      return this.#describe(asked, request);
    }
    const file = /^\/([^/]+\/[^/]+)\/resolve\/([0-9a-f]{40})\/(.+)$/.exec(pathname);
    if (file !== null) {
      return this.#resolve(file[1]!, file[2]!, decodeURIComponent(file[3]!), request);
    }
    const part = /^\/v2\/([^/]+\/[^/]+)\/(manifests|blobs)\/(.+)$/.exec(pathname);
    if (part !== null) return this.#registry(part[1]!, part[2]!, part[3]!);
    return new Response("no", { status: 404 });
  }

  #describe(
    { name, what, revision, search }: Record<"name" | "what" | "revision" | "search", string>,
    request: Request,
  ): Response {
    const repository = this.repositories.get(name);
    const refused = repository?.closed === "private" ? refusal(repository, request) : null;
    if (repository === undefined) return error(401, "RepoNotFound");
    if (refused !== null) return refused;
    const found = stateAt(repository, revision);
    if (found === null) return error(404, "RevisionNotFound");
    const { commit, files } = found;
    if (what === "revision") return Response.json({ _id: "1", id: name, sha: commit });
    const from = Number(new URLSearchParams(search).get("cursor") ?? 0);
    const entries = Object.entries(files);
    const next = from + PAGE < entries.length
      ? {
        link: `<${this.url}/api/models/${name}/tree/${commit}?recursive=true&cursor=${
          from + PAGE
        }>; rel="next"`,
      }
      : undefined;
    return Response.json(
      entries.slice(from, from + PAGE).map(([path, bytes]) => ({
        type: "file",
        path,
        size: bytes.length,
        oid: "a".repeat(40),
        ...(path.endsWith(".gguf")
          ? { lfs: { oid: sha256(bytes), size: bytes.length, pointerSize: 130 } }
          : {}),
      })),
      next === undefined ? {} : { headers: next },
    );
  }

  #resolve(name: string, commit: string, path: string, request: Request): Response {
    const repository = this.repositories.get(name);
    const bytes = repository && stateAt(repository, commit)?.files[path];
    if (repository === undefined || bytes === undefined) return error(404, "EntryNotFound");
    return refusal(repository, request) ?? this.#elsewhere(bytes);
  }

  #registry(name: string, what: string, id: string): Response {
    if (what === "blobs") {
      const layers = [...this.models.values()].flatMap(({ layers, config = CONFIG }) => [
        ...layers.map(({ bytes }) => bytes),
        config,
      ]);
      const bytes = layers.find((one) => `sha256:${sha256(one)}` === id);
      return bytes === undefined ? error(404, "BlobUnknown") : this.#elsewhere(bytes);
    }
    const model = this.models.get(`${name}:${id}`);
    if (model === undefined) return error(404, "ManifestUnknown");
    const layer = (mediaType: string, bytes: Uint8Array<ArrayBuffer>) => ({
      mediaType,
      digest: `sha256:${sha256(bytes)}`,
      size: bytes.length,
    });
    return Response.json({
      schemaVersion: 2,
      mediaType: "application/vnd.docker.distribution.manifest.v2+json",
      config: layer("application/vnd.docker.container.image.v1+json", model.config ?? CONFIG),
      layers: model.layers.map(({ kind, bytes }) =>
        layer(`application/vnd.ollama.image.${kind}`, bytes)
      ),
    });
  }

  #elsewhere(bytes: Uint8Array<ArrayBuffer>): Response {
    const id = sha256(bytes);
    this.#blobs.set(id, bytes);
    return new Response(null, {
      status: 302,
      headers: { location: `${this.network}/${id}?signed` },
    });
  }

  async #send(request: Request): Promise<Response> {
    const count = this.fetched.push(seen(request));
    const answer = await this.interfere(request, count);
    if (answer !== null) return answer;
    const id = new URL(request.url).pathname.slice(1);
    const bytes = this.#blobs.get(id);
    if (bytes === undefined) return new Response("no", { status: 404 });
    return sendBytes(request, bytes, { ranges: this.ranges, etag: `"${id}"` });
  }
}

/** Files of a repository at a branch, tag or commit. */
function stateAt({ files, commit = COMMIT, revisions = {} }: HubRepository, revision: string) {
  const states = { main: { files, commit }, ...revisions };
  return Object.entries(states)
    .find(([name, { commit }]) => [name, commit].includes(revision))?.[1] ?? null;
}

const CONFIG = new TextEncoder().encode('{"model_format":"gguf"}');

/** Responds with bytes, or with the requested range. Source: RFC 9110, 14. */
export function sendBytes(
  request: Request,
  bytes: Uint8Array<ArrayBuffer>,
  { ranges = true, etag }: { readonly ranges?: boolean; readonly etag?: string } = {},
): Response {
  const headers = new Headers(etag === undefined ? {} : { etag });
  if (ranges) headers.set("accept-ranges", "bytes");
  const ifRange = request.headers.get("if-range");
  const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.get("range") ?? "");
  headers.set("content-length", String(bytes.length));
  if (!ranges || range === null || (ifRange !== null && ifRange !== etag)) {
    return new Response(bytes, { headers });
  }
  const start = Number(range[1]);
  const end = range[2] === "" ? bytes.length : Math.min(Number(range[2]) + 1, bytes.length);
  if (start >= bytes.length) {
    headers.set("content-range", `bytes */${bytes.length}`);
    headers.delete("content-length");
    return new Response(null, { status: 416, headers });
  }
  headers.set("content-range", `bytes ${start}-${end - 1}/${bytes.length}`);
  headers.set("content-length", String(end - start));
  return new Response(bytes.slice(start, end), { status: 206, headers });
}

/** A response whose connection breaks after its first bytes. */
export async function cutOff(answer: Response, after: number): Promise<Response> {
  const bytes = new Uint8Array(await answer.arrayBuffer()).slice(0, after);
  const body = new ReadableStream({
    start(controller) {
      controller.enqueue(bytes);
      controller.close();
    },
  });
  // The content length announces more bytes.
  return new Response(body, { status: answer.status, headers: answer.headers });
}

/** A response that stops after its first bytes until `go` resolves or the client disconnects. */
export async function halted(
  answer: Response,
  after: number,
  go: Promise<void>,
): Promise<Response> {
  const bytes = new Uint8Array(await answer.arrayBuffer());
  const body = new ReadableStream({
    async start(controller) {
      controller.enqueue(bytes.slice(0, after));
      await go;
      try {
        controller.enqueue(bytes.slice(after));
        controller.close();
      } catch {
        // The client has disconnected.
      }
    },
  });
  return new Response(body, { status: answer.status, headers: answer.headers });
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function refusal({ closed, token }: HubRepository, request: Request): Response | null {
  if (closed === undefined) return null;
  const given = request.headers.get("authorization");
  if (given === `Bearer ${token}`) return null;
  if (closed === "private") return error(401, "RepoNotFound");
  return error(given === null ? 401 : 403, "GatedRepo");
}

function error(status: number, code: string): Response {
  return Response.json({ error: "refused" }, { status, headers: { "x-error-code": code } });
}

function seen(request: Request): Seen {
  const { pathname, search } = new URL(request.url);
  return {
    path: pathname + search,
    range: request.headers.get("range"),
    ifRange: request.headers.get("if-range"),
    authorization: request.headers.get("authorization"),
  };
}

function listen(handler: (request: Request) => Response | Promise<Response>) {
  return Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, handler);
}
