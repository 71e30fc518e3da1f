import { DEFAULT_SAMPLING, type Sampling } from "../../engine/protocol/mod.ts";
import type { ModelPool } from "../../models/registry/mod.ts";
import {
  fromSamplingJson,
  type Receipt,
  type ReceiptIssuer,
  type SamplingJson,
  type TracedAnswer,
} from "../../receipts/mod.ts";
import { createHandler } from "../../server/mod.ts";
import { VERSION } from "../../version.ts";
import { FilesOfRequest, type GivenFiles } from "./given_files.ts";
import type { Proof } from "./proof.ts";
import { responseValues } from "./response.ts";
import { answerTexts } from "./texts.ts";

/** The answers that were computed again, and their texts; or why the request was refused. */
export type Replayed =
  | { readonly answers: readonly TracedAnswer[]; readonly texts: readonly string[] }
  | { readonly refusal: string };

/** Only traces and texts are compared. */
const NO_RECEIPTS: ReceiptIssuer = {
  prepare() {},
  issue: () => Promise.reject(new Error("A verification makes no receipts")),
  publicKey: () => Promise.reject(new Error("A verification makes no receipts")),
};

/** Routes by which a request that came to another route is answered the same. */
const SAME_ROUTES: Readonly<Record<string, string>> = { "/ws/generate": "/api/generate" };

/**
 * Fields that say how the answer is sent, and the session: an answer that is computed again must not change a
 * session of this machine.
 */
const LEFT_OUT = ["stream_options", "stream_format", "detach", "alternatives", "session"];

/**
 * Sends a request again, through the handler of the server, with the sampling of its receipts.
 *
 * @param files The images at URLs that the request has, and the sound of a form.
 * @param model The name of the model, if not that of the request.
 * @throws {ShimmyError} `invalid` if the sound of a form is missing, or files are left over.
 */
export async function replay(
  pool: ModelPool,
  { request, receipts }: Proof,
  files: GivenFiles,
  model: string | undefined,
): Promise<Replayed> {
  const body = {
    ...Object.fromEntries(Object.entries(request).filter(([name]) => !LEFT_OUT.includes(name))),
    ...(model === undefined ? {} : { model }),
    stream: false,
    receipt: true,
  };
  const taken = new FilesOfRequest(files, receipts);
  const replayed = await sendToBoth(pool, body, receipts, taken);
  if ("answers" in replayed) taken.checkUsed();
  return replayed;
}

/** Sends a request to its route, and to the other one that may have answered it. */
async function sendToBoth(
  pool: ModelPool,
  body: Readonly<Record<string, unknown>>,
  receipts: Proof["receipts"],
  taken: FilesOfRequest,
): Promise<Replayed> {
  const [{ route }] = receipts;
  const first = await send(pool, SAME_ROUTES[route] ?? route, body, receipts, taken);
  // The native API and Ollama's share a route. The user agent, which no receipt has, may decide.
  if (route !== "/api/generate" || isSamePrompt(first, receipts)) return first;
  const other = await send(pool, `/ollama${route}`, body, receipts, taken);
  return isSamePrompt(other, receipts) ? other : first;
}

async function send(
  pool: ModelPool,
  route: string,
  body: Readonly<Record<string, unknown>>,
  receipts: readonly Receipt[],
  files: FilesOfRequest,
): Promise<Replayed> {
  const answers: TracedAnswer[] = [];
  const handler = createHandler({
    pool,
    settings: {
      version: VERSION,
      apiKey: null,
      corsOrigins: [],
      loopbackOnly: false,
      maxBodyBytes: Infinity,
      keepAliveMs: 2 ** 30,
    },
    receipts: NO_RECEIPTS,
    preparer: files.preparer,
    replay: {
      samplings: receipts.map((receipt) => ({
        answer: samplingOf(receipt.sampling),
        reasoning: receipt.reasoning_sampling === undefined
          ? null
          : samplingOf(receipt.reasoning_sampling),
      })),
      traced: (index, answer) => answers[index] = answer,
    },
  });
  const response = await handler(files.request(route, body));
  const text = await response.text();
  if (response.status === 200 && answers.length > 0) {
    return { answers, texts: answerTexts(responseValues(text)) };
  }
  return { refusal: messageIn(text) };
}

/** The sampling of a receipt, which may lack fields that were added after it was made. */
function samplingOf(json: SamplingJson): Sampling {
  return { ...DEFAULT_SAMPLING, ...fromSamplingJson(json) };
}

function isSamePrompt(replayed: Replayed, [receipt]: readonly Receipt[]): boolean {
  return "answers" in replayed &&
    replayed.answers[0]?.trace.promptTokens.length === receipt?.prompt.tokens;
}

/** The message of an error in any dialect's form. */
function messageIn(text: string): string {
  try {
    const { error } = JSON.parse(text);
    return String(typeof error === "string" ? error : error.message);
  } catch {
    return "no answer";
  }
}
