import { resolve } from "node:path";
import type { BucketLocation, SharedCacheLocation } from "../../engine/protocol/mod.ts";
import { type GlobalValues, UsageError } from "../options/mod.ts";

type Env = (name: string) => string | undefined;

/** The region of signatures where none is named. Servers other than Amazon's accept it. */
const DEFAULT_REGION = "us-east-1";

const PLACE = "--shared-cache: must be a directory, or s3://BUCKET[/PREFIX]";

/**
 * The prefixes that servers share. Undefined if there are none.
 *
 * @param env for the credentials of a bucket, in the variables that other programs read too
 * @throws {UsageError} for a URL that is not that of a bucket, and without credentials for it.
 */
export function sharedCacheOf(
  { "shared-cache": given, "shared-cache-key": secret }: Pick<
    GlobalValues,
    "shared-cache" | "shared-cache-key"
  >,
  env: Env,
): SharedCacheLocation | undefined {
  if (given === null) return undefined;
  if (given === "") throw new UsageError(PLACE);
  // One letter is a drive of Windows.
  const place = /^[a-z0-9+.-]{2,}:\//i.test(given)
    ? { bucket: bucketOf(given, env) }
    : { folder: resolve(given) };
  return { ...place, secret: secret ?? "" };
}

function bucketOf(given: string, env: Env): BucketLocation {
  const url = URL.parse(given);
  const isBucket = url?.protocol === "s3:" && url.hostname !== "" && url.port === "";
  if (!isBucket || url.username !== "" || url.password !== "") {
    // Not what was given: it may contain a password.
    throw new UsageError(PLACE);
  }
  for (const name of url.searchParams.keys()) {
    if (name !== "endpoint" && name !== "region") {
      throw new UsageError(`--shared-cache: '${name}' is not known; use endpoint or region`);
    }
  }
  const parameter = (name: string) => url.searchParams.get(name) || undefined;
  const region = parameter("region") ?? first(env, "AWS_REGION", "AWS_DEFAULT_REGION") ??
    DEFAULT_REGION;
  const prefix = decoded(url.pathname).replace(/^\/+|\/+$/g, "");
  return {
    endpoint: originOf(
      parameter("endpoint") ?? first(env, "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL") ??
        `https://s3.${region}.amazonaws.com`,
    ),
    bucket: url.hostname,
    prefix: prefix === "" ? "" : `${prefix}/`,
    region,
    credentials: credentialsOf(env),
  };
}

/** @throws {UsageError} for a path with a `%` that begins no character. */
function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    throw new UsageError(
      "--shared-cache: PREFIX must be percent-encoded UTF-8; a percent sign itself is %25",
    );
  }
}

/** @throws {UsageError} for a text that is not a URL of HTTP without a path. */
function originOf(endpoint: string): string {
  const url = URL.parse(endpoint);
  const isHttp = url !== null && /^https?:$/.test(url.protocol);
  const isPlain = isHttp && url.username === "" && url.pathname === "/" && url.search === "";
  if (isPlain) return url.origin;
  throw new UsageError("--shared-cache: endpoint must be an http: or https: URL without a path");
}

function credentialsOf(env: Env): BucketLocation["credentials"] {
  const accessKeyId = env("AWS_ACCESS_KEY_ID");
  const secretAccessKey = env("AWS_SECRET_ACCESS_KEY");
  const sessionToken = env("AWS_SESSION_TOKEN");
  if (!accessKeyId || !secretAccessKey) {
    throw new UsageError(
      "--shared-cache: a bucket needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment",
    );
  }
  return { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) };
}

/** The first of the variables that is set. */
function first(env: Env, ...names: readonly string[]): string | undefined {
  return names.map(env).find((value) => value);
}

/** A name of the place for the log. */
export function nameOfSharedCache(location: SharedCacheLocation): string {
  if ("folder" in location) return location.folder;
  const { bucket, prefix, endpoint } = location.bucket;
  return `s3://${bucket}/${prefix} of ${endpoint}`;
}
