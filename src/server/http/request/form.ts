import { messageOf, ShimmyError } from "../../../errors.ts";
import { readBody, withoutReceipt } from "../body.ts";
import type { Exchange } from "../route.ts";
import { pause } from "./json_size.ts";

/** A body of `multipart/form-data` (RFC 7578). */
export interface Form {
  /** A text by name; a list of texts for a name that ends with `[]`, without that end. */
  readonly fields: Readonly<Record<string, string | readonly string[]>>;
  readonly files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>;
}

/** Maximum fields and files of a form. */
const MAX_PARTS = 100;

/** Bytes of a body that are searched for boundaries at once. */
const SLICE = 64 * 1024;

/**
 * Reads a form.
 *
 * @throws {ShimmyError} `invalid` for a body that is none, or that has a field twice; 413 above the limit.
 */
export async function readForm(exchange: Exchange): Promise<Form> {
  const boundary = boundaryOf(exchange.request);
  const form = await readBody(exchange, (bytes) => parseForm(bytes, boundary));
  const fields = withoutReceipt(exchange, flagged(form.fields)) as Form["fields"];
  return { ...form, fields };
}

function boundaryOf({ headers }: Request): string {
  const type = headers.get("content-type") ?? "";
  const boundary = /^multipart\/form-data\s*;.*?\bboundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))/i
    .exec(
      type.slice(0, 400),
    );
  const found = boundary?.[1] ?? boundary?.[2];
  if (found !== undefined) return found;
  const message = "content-type: must be multipart/form-data with a boundary";
  throw new ShimmyError("invalid", message, { field: "content-type" });
}

async function parseForm(bytes: Uint8Array, boundary: string): Promise<Form> {
  const fields = new Map<string, string | string[]>();
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const { name, filename, content } of await partsOf(bytes, boundary)) {
    if (name.endsWith("[]")) {
      const list = fields.get(name.slice(0, -2));
      if (Array.isArray(list)) list.push(textOf(content));
      else fields.set(name.slice(0, -2), [textOf(content)]);
      continue;
    }
    if (fields.has(name) || files.has(name)) {
      const field = name.slice(0, 64);
      throw new ShimmyError("invalid", `${field}: is given twice`, { field });
    }
    if (filename === undefined) fields.set(name, textOf(content));
    else files.set(name, content);
  }
  return { fields: Object.fromEntries(fields), files };
}

interface Part {
  readonly name: string;
  /** Only files have one. */
  readonly filename: string | undefined;
  readonly content: Uint8Array<ArrayBuffer>;
}

async function partsOf(bytes: Uint8Array, boundary: string): Promise<readonly Part[]> {
  // Most requests are JSON.
  const { MultipartParseError, MultipartParser } = await import("@remix-run/multipart-parser");
  const limits = { maxParts: MAX_PARTS, maxFileSize: bytes.length, maxTotalSize: bytes.length };
  const parser = new MultipartParser(boundary, limits);
  const parts: Part[] = [];
  try {
    for (const slice of slicesOf(bytes)) {
      for (const part of parser.write(slice)) {
        parts.push({
          name: part.name ?? "",
          filename: part.filename,
          content: part.bytes as Uint8Array<ArrayBuffer>,
        });
      }
      if (slice.length < bytes.length) await pause();
    }
    parser.finish();
    return parts;
  } catch (cause) {
    // Names that are not UTF-8 are a TypeError.
    if (!(cause instanceof MultipartParseError || cause instanceof TypeError)) throw cause;
    const message = `body: is no form: ${messageOf(cause)}`;
    throw new ShimmyError("invalid", message, { field: "body", cause });
  }
}

/**
 * A body in slices, after each of which other requests are handled: a boundary that nearly matches everywhere
 * takes many steps for each byte. The last slice has what may follow the last boundary.
 */
function* slicesOf(bytes: Uint8Array): Generator<Uint8Array> {
  for (let start = 0; start < bytes.length;) {
    const end = start + 2 * SLICE > bytes.length ? bytes.length : start + SLICE;
    yield bytes.subarray(start, end);
    start = end;
  }
}

const decoder = new TextDecoder();

function textOf(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

/** The fields, with `receipt` as in JSON. */
function flagged({ receipt, ...fields }: Form["fields"]): Record<string, unknown> {
  if (receipt === undefined) return fields;
  return { ...fields, receipt: receipt === "true" ? true : receipt === "false" ? false : receipt };
}
