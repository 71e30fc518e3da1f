import { ShimmyError } from "../../../../errors.ts";
import type { Blob, CreateRequest } from "../../../../models/ollama_store/mod.ts";
import { type Exchange, HttpError } from "../../../http/mod.ts";
import { readBody } from "../request/parse_body.ts";
import { copyBody, createBody, pushBody } from "../request/create_schema.ts";
import { type Line, lineResponse, named, storeOf } from "./store.ts";
import { resolveTagged, taggedName } from "./tagged_name.ts";

/** `POST /api/create`: a model from another model or from blobs, with texts and parameters of its own. */
export async function create(exchange: Exchange): Promise<Response> {
  const body = await readBody(exchange, createBody);
  const name = named(body);
  await checkName(exchange, name);
  const { from, files, adapters, parameters, messages, license } = body;
  if (!from && !files) {
    throw new ShimmyError("invalid", "neither 'from' or 'files' was specified", { field: "from" });
  }
  const base = from ? await resolveTagged(exchange.context.pool, from) : null;
  const digests = Object.values(files ?? {});
  if (base === null && digests.length === 0) {
    throw new ShimmyError("invalid", "files: no files provided", { field: "files" });
  }
  const lines = createLines(exchange, {
    name,
    base,
    files: digests,
    adapters: Object.values(adapters ?? {}),
    texts: {
      ...(body.system ? { system: body.system } : {}),
      ...(body.template ? { template: body.template } : {}),
      ...(license ? { license: [license].flat().join("\n") } : {}),
      ...(messages && messages.length > 0 ? { messages: JSON.stringify(messages) } : {}),
    },
    ...(parameters ? { parameters: given(parameters) } : {}),
  });
  return await lineResponse(lines, body.stream !== false);
}

/** `POST /api/copy`: another name for a model. The weights are not copied. */
export async function copy(exchange: Exchange): Promise<Response> {
  const { source, destination } = await readBody(exchange, copyBody);
  const { pool } = exchange.context;
  const base = await resolveTagged(pool, source);
  await checkName(exchange, destination);
  await storeOf(exchange).create({ name: destination, base });
  await pool.rescan();
  return new Response(null, { status: 200 });
}

/** `POST /api/push`: there is no registry account. */
export async function push(exchange: Exchange): Promise<Response> {
  await readBody(exchange, pushBody);
  throw new HttpError(501, "push is not supported: use Ollama to publish a model");
}

/** `HEAD /api/blobs/:digest`: whether a blob exists. */
export async function findBlob(exchange: Exchange): Promise<Response> {
  const digest = exchange.params.digest!;
  const blobs = await storeOf(exchange).blobs();
  if (await blobs.size(digest) === null) {
    throw new HttpError(404, `blob "${digest}" not found`, { field: "digest" });
  }
  return new Response(null, { status: 200 });
}

/** `POST /api/blobs/:digest`: stores the body, whose digest is checked. */
export async function receiveBlob(exchange: Exchange): Promise<Response> {
  const { request, params } = exchange;
  const length = request.headers.get("content-length");
  const blobs = await storeOf(exchange).blobs();
  const isNew = await blobs.receive(
    params.digest!,
    request.body,
    length === null ? null : Number(length),
  );
  return new Response(null, { status: isNew ? 201 : 200 });
}

/** Refuses a name that a model outside of Ollama's store has: the new model could not be reached. */
async function checkName({ context: { pool } }: Exchange, name: string): Promise<void> {
  const tagged = taggedName({ name: name.toLowerCase() });
  const other = (await pool.list()).find((entry) =>
    entry.source !== "ollama" && taggedName(entry) === tagged
  );
  if (other === undefined) return;
  throw new ShimmyError("invalid", `model: '${name}' is the name of a model outside of the store`, {
    field: "model",
  });
}

/** Parameters that are set. */
function given(parameters: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const set = Object.entries(parameters).filter(([, value]) =>
    value !== null && value !== undefined
  );
  return Object.fromEntries(set);
}

async function* createLines(
  exchange: Exchange,
  request: CreateRequest,
): AsyncGenerator<Line, void> {
  const store = storeOf(exchange);
  const layers: Blob[] = [];
  yield { status: "gathering model components" };
  await store.create(request, (layer) => layers.push(layer));
  for (const { digest, isNew } of layers) {
    yield { status: `${isNew ? "creating new" : "using existing"} layer ${digest}` };
  }
  yield { status: "writing manifest" };
  await exchange.context.pool.rescan();
  yield { status: "success" };
}
