import { AwsClient } from "aws4fetch";
import type { BucketLocation } from "../../protocol/mod.ts";
import {
  type Listing,
  MOST_LISTED,
  type ObjectStore,
  type StoredObject,
  StoreError,
} from "./object_store.ts";

/** Bytes of a listing, at most: 1,000 keys of 1,024 characters, each as three, and their sizes. */
const MOST_LISTING_BYTES = 8 * 2 ** 20;

/** Bytes of an error that are read. */
const MOST_ERROR_BYTES = 16_384;

/**
 * A bucket of S3, or of a server that speaks its protocol. Requests name the bucket in the path, which every
 * such server understands, and are signed with version 4 of AWS's signatures.
 *
 * Source: API reference of Amazon S3, `ListObjectsV2`, `GetObject`, `PutObject`, `DeleteObject`.
 */
export class Bucket implements ObjectStore {
  readonly #client: AwsClient;
  readonly #url: string;
  readonly #prefix: string;

  constructor({ endpoint, bucket, prefix, region, credentials }: BucketLocation) {
    // The caller decides about retries.
    this.#client = new AwsClient({ ...credentials, region, service: "s3", retries: 0 });
    this.#url = `${endpoint}/${encodeURIComponent(bucket)}`;
    this.#prefix = prefix;
  }

  async list(prefix: string, signal: AbortSignal): Promise<Listing> {
    const query = new URLSearchParams({
      "list-type": "2",
      "encoding-type": "url",
      "max-keys": String(MOST_LISTED),
      prefix: this.#prefix + prefix,
    });
    const response = await this.#send(`?${query}`, { signal });
    if (!response.ok) throw await refusal(response);
    const text = new TextDecoder().decode(await atMost(response, MOST_LISTING_BYTES));
    const { objects, isTruncated } = parseListing(text);
    const own = objects.filter(({ key }) => key.startsWith(this.#prefix));
    return {
      objects: own.map(({ key, size }) => ({ key: key.slice(this.#prefix.length), size })),
      isTruncated,
    };
  }

  async get(
    key: string,
    limit: number,
    signal: AbortSignal,
  ): Promise<Uint8Array<ArrayBuffer> | null> {
    const response = await this.#send(this.#path(key), { signal });
    if (response.status === 404) return await discard(response, null);
    if (!response.ok) throw await refusal(response);
    const size = Number(response.headers.get("content-length") ?? NaN);
    if (!(size <= limit)) return await discard(response, null);
    return await exactly(response, size);
  }

  async put(key: string, body: Uint8Array<ArrayBuffer>, signal: AbortSignal): Promise<void> {
    const response = await this.#send(this.#path(key), { method: "PUT", body, signal });
    if (!response.ok) throw await refusal(response);
    await discard(response, null);
  }

  async delete(key: string, signal: AbortSignal): Promise<void> {
    const response = await this.#send(this.#path(key), { method: "DELETE", signal });
    if (!response.ok && response.status !== 404) throw await refusal(response);
    await discard(response, null);
  }

  #path(key: string): string {
    return `/${(this.#prefix + key).split("/").map(encodeURIComponent).join("/")}`;
  }

  /** A redirect names another region: following it would send what is signed for this one. */
  #send(path: string, init: ObjectRequest): Promise<Response> {
    return this.#client.fetch(this.#url + path, { ...init, redirect: "manual" });
  }
}

/** What a request has beside its URL. Deno 2.4 has another type of headers than the client. */
interface ObjectRequest {
  readonly method?: "PUT" | "DELETE";
  readonly body?: Uint8Array<ArrayBuffer>;
  readonly signal: AbortSignal;
}

/**
 * Reads the objects of a listing. Keys are in the encoding of URLs, as the request asks for it.
 * @throws {StoreError} if it is not a listing.
 */
export function parseListing(xml: string): Listing {
  if (!xml.includes("<ListBucketResult")) {
    throw new StoreError("its address does not answer as a bucket of S3 does");
  }
  const objects: StoredObject[] = [];
  for (const entry of entriesOf(xml)) {
    const key = decodeKey(/<Key>([^<]*)<\/Key>/.exec(entry)?.[1]);
    const size = Number(/<Size>(\d+)<\/Size>/.exec(entry)?.[1] ?? NaN);
    if (key !== null && Number.isSafeInteger(size)) objects.push({ key, size });
  }
  return { objects, isTruncated: /<IsTruncated>true<\/IsTruncated>/.test(xml) };
}

/** The entries of a listing. A pattern would look for the end of each one that has none, again and again. */
function* entriesOf(xml: string): Generator<string> {
  const [begin, end] = ["<Contents>", "</Contents>"];
  for (let at = 0; (at = xml.indexOf(begin, at)) >= 0;) {
    const stop = xml.indexOf(end, at);
    if (stop < 0) return;
    yield xml.slice(at + begin.length, stop);
    at = stop + end.length;
  }
}

/** @returns null for a text that is not encoded like a URL. */
function decodeKey(text: string | undefined): string | null {
  try {
    return text === undefined ? null : decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return null;
  }
}

/** What a refused request tells: the status, and the code of S3 such as `AccessDenied`. */
async function refusal(response: Response): Promise<StoreError> {
  const bytes = await atMost(response, MOST_ERROR_BYTES).catch(() => new Uint8Array());
  const code = /<Code>(\w{1,64})<\/Code>/.exec(new TextDecoder().decode(bytes))?.[1];
  const detail = code === undefined ? "" : ` (${code})`;
  return new StoreError(`the bucket answers with status ${response.status}${detail}`);
}

/** The body of a response. @throws {StoreError} if it is longer. */
async function atMost(response: Response, limit: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of response.body ?? []) {
    parts.push(part);
    length += part.length;
    if (length > limit) throw new StoreError("an answer of the bucket is too long");
  }
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** The body of a response. @throws {StoreError} if it has another length, as one that was compressed may. */
async function exactly(response: Response, length: number): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length);
  let at = 0;
  for await (const part of response.body ?? []) {
    if (at + part.length > length) throw new StoreError("an answer of the bucket is too long");
    bytes.set(part, at);
    at += part.length;
  }
  if (at < length) throw new StoreError("an answer of the bucket is too short");
  return bytes;
}

async function discard<T>(response: Response, result: T): Promise<T> {
  await response.body?.cancel();
  return result;
}
