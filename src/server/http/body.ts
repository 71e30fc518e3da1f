import type * as z from "zod";
import { ShimmyError } from "../../errors.ts";
import { HttpError } from "./errors.ts";
import type { Exchange } from "./route.ts";

/** The whole body as bytes; more than the limit ends in 413 without reading further. */
async function readBytes(request: Request, limit: number): Promise<Uint8Array> {
  const tooLarge = () => new HttpError(413, `Request body is larger than ${limit} bytes`);
  const announced = request.headers.get("content-length");
  if (Number(announced ?? 0) > limit) throw tooLarge();
  if (announced !== null) {
    const bytes = new Uint8Array(await request.arrayBuffer());
    if (bytes.length > limit) throw tooLarge();
    return bytes;
  }
  if (request.body === null) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of request.body) {
    length += chunk.length;
    if (length > limit) throw tooLarge();
    chunks.push(chunk);
  }
  const bytes = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.length;
  }
  return bytes;
}

/** The request's body as JSON. */
export async function readJson(exchange: Exchange): Promise<unknown> {
  return fromJson(await bodyOf(exchange));
}

/** Like {@linkcode readJson}, where there need be no body. */
export async function readOptionalJson(exchange: Exchange): Promise<unknown> {
  const bytes = await bodyOf(exchange);
  return bytes.length === 0 ? undefined : fromJson(bytes);
}

function bodyOf({ request, context }: Exchange): Promise<Uint8Array> {
  return readBytes(request, context.settings.maxBodyBytes);
}

function fromJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new ShimmyError("invalid", "body: must be JSON in UTF-8", { field: "body", cause });
  }
}

type Issue = z.core.$ZodIssue;

/**
 * What is really wrong where a value fits no member of a union: the first problem of the member that
 * came furthest into the value, under its whole path. Where none got to a field of it, the union's own
 * message says more.
 */
function innermost(issue: Issue): Issue {
  if (issue.code !== "invalid_union") return issue;
  const inner = issue.errors.flatMap((issues) => issues.slice(0, 1)).map((first) =>
    innermost(first as Issue)
  );
  const reached =
    inner.filter(({ path, code }) =>
      path.some((key) => typeof key === "string") || code === "unrecognized_keys"
    )
      .sort((a, b) => b.path.length - a.path.length)[0];
  return reached === undefined ? issue : { ...reached, path: [...issue.path, ...reached.path] };
}

/**
 * A value as a schema wants it.
 * @throws {ShimmyError} `invalid`; the message is `<field>: <what is wrong>` of the first thing wrong.
 */
export function parse<T extends z.ZodType>(schema: T, value: unknown): z.output<T> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = innermost(result.error.issues[0]!);
  const unknownKey = issue.code === "unrecognized_keys" ? issue.keys[0] : undefined;
  const path = [...issue.path, ...(unknownKey === undefined ? [] : [unknownKey])];
  const field = path.map((key) => typeof key === "number" ? `[${key}]` : `.${String(key)}`)
    .join("").replace(/^\./, "") || "body";
  const message = unknownKey === undefined ? issue.message : "is not a known field";
  throw new ShimmyError("invalid", `${field}: ${message}`, { field, cause: result.error });
}
