import type { RemoteImage } from "../../chat/mod.ts";
import type { MediaInput } from "../../engine/protocol/mod.ts";
import { ShimmyError } from "../../errors.ts";
import { addressOf, PrivateAddressError, type Resolve, resolveName } from "./addresses.ts";
import { AllowedHosts } from "./allowed_hosts.ts";
import type { FetchRemoteImages } from "../http/mod.ts";
import { FetchQueue, type FetchTurn, notNeeded } from "./fetch_queue.ts";
import { get, TooLargeError } from "./get.ts";
import { SharedWork } from "./shared_work.ts";

/** Options of the fetcher, with replacements for tests. */
export interface ImageFetcherOptions {
  /** Allowed hosts, see {@linkcode AllowedHosts}. */
  readonly hosts: readonly string[];
  /** Maximum bytes of all images of a request that are fetched. */
  readonly maxTotalBytes: number;
  /** Maximum bytes of an image. @default {20971520} */
  readonly maxBytes?: number;
  /** Maximum milliseconds for an image with its redirects. @default {10000} */
  readonly timeoutMs?: number;
  readonly resolve?: Resolve;
}

/** Maximum bytes of an image: the models accept no larger files. */
const MAX_BYTES = 20 * 2 ** 20;
const TIMEOUT_MS = 10_000;
/** Maximum images of a request that are fetched. */
const MAX_IMAGES = 64;
/** Images that are fetched at once for all requests: at most 320 MiB of memory. */
const AT_ONCE = 16;
/** Images that wait: one client can have those of three requests. */
const MAX_WAITING = 256;
/** Maximum bytes of all requests whose images are being fetched, in multiples of those of one. */
const LARGEST_REQUESTS = 8;
/** Maximum characters of a URL. */
const MAX_URL = 8_192;
const MAX_REDIRECTS = 3;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** Creates the function that fetches the images of requests. Images of equal requests are fetched again. */
export function createImageFetcher(options: ImageFetcherOptions): FetchRemoteImages {
  const fetcher = new ImageFetcher(options);
  // The choices of a request have the same images, and fetch them once.
  const fetched = new WeakMap<RemoteImage, SharedWork<readonly MediaInput[]>>();
  return async (images, { client, signal }) => {
    const [first] = images;
    if (first === undefined) return [];
    const known = fetched.get(first);
    const work = known === undefined || known.isAborted
      ? new SharedWork((needed) => fetcher.fetchAll(images, { client, signal: needed }))
      : known;
    fetched.set(first, work);
    return await work.join(signal);
  };
}

class ImageFetcher {
  readonly #hosts: AllowedHosts;
  readonly #maxBytes: number;
  readonly #maxTotalBytes: number;
  readonly #timeoutMs: number;
  readonly #resolve: Resolve;
  readonly #queue = new FetchQueue(AT_ONCE, MAX_WAITING);
  /** Bytes of the images of requests that wait for others of their images. */
  #heldBytes = 0;

  constructor(options: ImageFetcherOptions) {
    this.#hosts = new AllowedHosts(options.hosts);
    this.#maxBytes = options.maxBytes ?? MAX_BYTES;
    this.#maxTotalBytes = options.maxTotalBytes;
    this.#timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
    this.#resolve = options.resolve ?? resolveName;
  }

  /**
   * Fetches the images of a request. The first that fails ends the fetching of the others.
   *
   * @throws {ShimmyError} `invalid` with the field of an image that cannot be fetched; `overloaded` if too
   * many images wait; `cancelled` after an abort.
   */
  async fetchAll(
    images: readonly RemoteImage[],
    { client, signal }: FetchTurn,
  ): Promise<readonly MediaInput[]> {
    const one = images[MAX_IMAGES];
    if (one !== undefined) {
      throw refused(one, `is one of ${images.length} at URLs; at most ${MAX_IMAGES} are fetched`);
    }
    this.#queue.checkRoom(client, images.length);
    const failed = new AbortController();
    const turn = { client, signal: AbortSignal.any([signal, failed.signal]) };
    let total = 0;
    try {
      return await Promise.all(images.map((image) =>
        this.#queue.use(turn, async () => {
          const fetched = await this.#fetch(image, turn.signal);
          if (turn.signal.aborted) throw notNeeded();
          total += fetched.bytes.length;
          this.#hold(fetched.bytes.length);
          if (total <= this.#maxTotalBytes) return fetched;
          const most = this.#maxTotalBytes;
          throw refused(image, `is too much: those at URLs have more than ${most} bytes together`);
        })
      ));
    } finally {
      failed.abort();
      this.#heldBytes -= total;
    }
  }

  /** @throws {ShimmyError} `overloaded` if the images of all requests are too large together. */
  #hold(bytes: number): void {
    this.#heldBytes += bytes;
    const most = LARGEST_REQUESTS * this.#maxTotalBytes;
    if (this.#heldBytes <= most) return;
    const message =
      `The images at URLs of all requests have more than ${most} bytes, the limit of ` +
      "this server (eight times --max-body); try again later";
    throw new ShimmyError("overloaded", message);
  }

  /** Fetches an image until the time is over, or the signal aborts. */
  async #fetch(image: RemoteImage, signal: AbortSignal): Promise<MediaInput> {
    if (signal.aborted) throw notNeeded();
    const controller = new AbortController();
    const { promise: ended, reject } = Promise.withResolvers<never>();
    const end = (reason: ShimmyError) => {
      reject(reason);
      controller.abort();
    };
    const timer = setTimeout(
      () => end(refused(image, `cannot be fetched within ${this.#timeoutMs / 1000} s`)),
      this.#timeoutMs,
    );
    const leave = () => end(notNeeded());
    signal.addEventListener("abort", leave);
    try {
      // The system's resolver cannot be aborted.
      return await Promise.race([this.#follow(image, controller.signal), ended]);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", leave);
    }
  }

  /** Requests the URL of an image and those of its redirects. */
  async #follow(image: RemoteImage, signal: AbortSignal): Promise<MediaInput> {
    let url = urlOf(image.url, image);
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
      const { status, location, body } = await this.#request(url, image, signal);
      if (body !== null) return { type: "image", bytes: body, field: image.field };
      if (!REDIRECTS.has(status) || location === null) {
        throw refused(image, `cannot be fetched: ${url.host} answered with status ${status}`);
      }
      const next = urlOf(location, image, url);
      if (url.protocol === "https:" && next.protocol !== "https:") {
        throw refused(image, `cannot be fetched: ${url.host} redirects from https to http`);
      }
      url = next;
    }
    throw refused(image, `cannot be fetched: there are more than ${MAX_REDIRECTS} redirects`);
  }

  async #request(url: URL, image: RemoteImage, signal: AbortSignal) {
    const { host } = url;
    const reach = this.#hosts.reach(url);
    if (reach === null) {
      const what = `cannot be fetched: --allow-remote-media does not list the host ${host}`;
      throw refused(image, what);
    }
    try {
      const address = await addressOf(url, reach, this.#resolve);
      return await get(url, address, { maxBytes: this.#maxBytes, signal });
    } catch (cause) {
      if (cause instanceof TooLargeError) {
        throw refused(image, `has more than ${this.#maxBytes} bytes`, cause);
      }
      if (cause instanceof PrivateAddressError) {
        throw refused(image, `cannot be fetched: ${host} has an address that is not public`, cause);
      }
      throw refused(image, `cannot be fetched: no answer from ${host}`, cause);
    }
  }
}

/** @throws {ShimmyError} `invalid` for a URL of another scheme, or with a password. */
function urlOf(text: string, image: RemoteImage, base?: URL): URL {
  if (text.length > MAX_URL) {
    throw refused(image, `cannot be fetched: its URL has more than ${MAX_URL} characters`);
  }
  const url = URL.parse(text, base);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw refused(image, "cannot be fetched: its URL is not one of http or https");
  }
  if (url.username !== "" || url.password !== "") {
    throw refused(image, "cannot be fetched: its URL has a user name or a password");
  }
  return url;
}

function refused({ field }: RemoteImage, what: string, cause?: unknown): ShimmyError {
  return new ShimmyError("invalid", `${field}: the image ${what}`, { field, cause });
}
