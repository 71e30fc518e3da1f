import type * as z from "zod";
import { STATUS_CODE } from "@std/http/status";
import { ShimmyError } from "../../errors.ts";
import { boundLists, plainMessage } from "../schemas/mod.ts";
import { HttpError } from "./errors.ts";
import { HeldBody } from "./request/held_bodies.ts";
import { parseJson } from "./request/parse_json.ts";
import { readBytes } from "./request/read_bytes.ts";
import type { Exchange } from "./route.ts";

const DEFAULT_TIMEOUT_MS = 60_000;

/** Characters of the name of a field in errors. Clients can send names of megabytes. */
const MAX_FIELD = 200;

/**
 * The body of a request as JSON.
 * @throws {ShimmyError} `invalid` for a body that is not JSON; 413 above the limit.
 */
export async function readJson(exchange: Exchange): Promise<unknown> {
  const read = values.get(exchange.request) ??
    readBody(exchange, (bytes) => parseBytes(bytes, exchange));
  values.set(exchange.request, read);
  return withoutReceipt(exchange, await read);
}

/** The bodies that were read: on a shared route, the body decides which handler reads it again. */
const values = new WeakMap<Request, Promise<unknown>>();

/** Like {@linkcode readJson}; undefined when the body is empty. */
export async function readOptionalJson(exchange: Exchange): Promise<unknown> {
  return await readBody(
    exchange,
    async (bytes) =>
      bytes.length === 0 ? undefined : withoutReceipt(exchange, await parseBytes(bytes, exchange)),
  );
}

/**
 * Reads a body and parses it. Its bytes count as held until then.
 * @throws 413 above the limit; what `parseBody` throws.
 */
export async function readBody<T>(
  exchange: Exchange,
  parseBody: (bytes: Uint8Array<ArrayBuffer>) => Promise<T>,
): Promise<T> {
  const { context } = exchange;
  using held = new HeldBody(context.settings, context.settings.maxBodyBytes);
  return await parseBody(await readInTime(exchange, held));
}

function parseBytes(bytes: Uint8Array<ArrayBuffer>, { context }: Exchange): Promise<unknown> {
  return parseJson(bytes, "body", context.parser);
}

/**
 * The body without `receipt`, which every dialect has on routes with answers.
 *
 * @throws {ShimmyError} `invalid` for a value that is neither true, false nor null.
 */
export function withoutReceipt({ receipts }: Pick<Exchange, "receipts">, body: unknown): unknown {
  if (receipts === null || !isObject(body)) return body;
  const { receipt = null, ...rest } = body;
  if (receipt !== null && typeof receipt !== "boolean") {
    throw new ShimmyError("invalid", "receipt: must be true or false", { field: "receipt" });
  }
  if (receipt) receipts.want();
  receipts.setBody(rest);
  return rest;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

async function readInTime(
  { request, context }: Exchange,
  held: HeldBody,
): Promise<Uint8Array<ArrayBuffer>> {
  const encoding = request.headers.get("content-encoding") ?? "identity";
  if (encoding.toLowerCase() !== "identity") {
    const message = `content-encoding: must be identity, not '${encoding.slice(0, MAX_FIELD)}': ` +
      "compressed bodies are not read";
    // RFC 9110, 12.5.3: the header of this response tells the encodings that requests may have.
    throw new HttpError(STATUS_CODE.UnsupportedMediaType, message, {
      field: "content-encoding",
      headers: { "accept-encoding": "identity" },
    });
  }
  const { maxBodyBytes, bodyTimeoutMs = DEFAULT_TIMEOUT_MS } = context.settings;
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    const message = `The body did not come within ${bodyTimeoutMs / 1000} s`;
    // The rest of the body is not read, so the connection cannot carry another request.
    reject(
      new HttpError(STATUS_CODE.RequestTimeout, message, { headers: { connection: "close" } }),
    );
  }, bodyTimeoutMs);
  try {
    return await Promise.race([readBytes(request, maxBodyBytes, held), late]);
  } finally {
    clearTimeout(timer);
  }
}

export type Issue = z.core.$ZodIssue;

/** Whether an issue with a full path can be repaired by removing fields. */
export type IsRepairable = (issue: Issue) => boolean;

/**
 * The most specific issues of a value that matches no member of a union, with their full paths: those
 * of the member that needs the fewest repairs, or else of the member whose first issue is deepest. When
 * no member reached a field of the value, the message of the union is more useful.
 */
export function issuesOf(
  issue: Issue,
  isRepairable: IsRepairable = ({ code }) => code === "unrecognized_keys",
): readonly Issue[] {
  if (issue.code !== "invalid_union") return [issue];
  const members = issue.errors.map((issues) =>
    issues.flatMap((one) =>
      issuesOf({ ...one, path: [...issue.path, ...one.path] } as Issue, isRepairable)
    )
  ).filter((found) => found.length > 0);
  const repairable = members.filter((found) => found.every(isRepairable))
    .sort((a, b) => fieldCount(a) - fieldCount(b));
  const reached = members.filter(([first]) =>
    first!.path.slice(issue.path.length).some((key) => typeof key === "string")
  ).sort(([a], [b]) => b!.path.length - a!.path.length);
  return repairable[0] ?? reached[0] ?? [issue];
}

/** The number of fields that issues are about. */
function fieldCount(issues: readonly Issue[]): number {
  return issues.reduce((sum, one) => sum + ("keys" in one ? one.keys.length : 1), 0);
}

/** Validates a value, with a bound on the issues of each list. */
export function validate<T extends z.ZodType>(
  schema: T,
  value: unknown,
): z.ZodSafeParseResult<z.output<T>> {
  return boundLists(schema).safeParse(value, { error: plainMessage });
}

/**
 * Validates a value.
 *
 * @throws {ShimmyError} `invalid` as {@linkcode invalidValue} describes it.
 */
export function parse<T extends z.ZodType>(schema: T, value: unknown): z.output<T> {
  const result = validate(schema, value);
  if (result.success) return result.data;
  throw invalidValue(value, result.error);
}

/**
 * The error for a value with issues. It is about the first one; the message is
 * `<field>: <what is allowed>`.
 *
 * @param nearest Finds the known field nearest to an unknown one, for the message.
 */
export function invalidValue(
  value: unknown,
  error: z.ZodError,
  nearest: (path: readonly PropertyKey[], key: string) => string | undefined = () => undefined,
): ShimmyError {
  const issue = issuesOf(error.issues[0]!)[0]!;
  const unknownKey = issue.code === "unrecognized_keys" ? issue.keys[0] : undefined;
  const path = [...issue.path, ...(unknownKey === undefined ? [] : [unknownKey])];
  const whole = path.map((key) => typeof key === "number" ? `[${key}]` : `.${String(key)}`)
    .join("").replace(/^\./, "") || "body";
  const field = whole.length <= MAX_FIELD ? whole : `${whole.slice(0, MAX_FIELD)}...`;
  const near = unknownKey === undefined ? undefined : nearest(issue.path, unknownKey);
  const unknown = `is not a known field${near === undefined ? "" : `; did you mean ${near}?`}`;
  const known = isAbsent(value, issue.path) ? `is missing; ${issue.message}` : issue.message;
  const message = unknownKey === undefined ? known : unknown;
  return new ShimmyError("invalid", `${field}: ${message}`, { field, cause: error });
}

/** Whether the value has no field at the path. The empty path is the value itself. */
function isAbsent(value: unknown, path: readonly PropertyKey[]): boolean {
  const found = path.reduce<unknown>(
    (at, key) => typeof at === "object" && at !== null ? at[key as keyof typeof at] : null,
    value,
  );
  return found === undefined;
}
