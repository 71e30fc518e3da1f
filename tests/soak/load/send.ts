import type { Random } from "../../grammar/random.ts";
import { FrameSocket } from "../../e2e/frame_socket.ts";
import { errorOf } from "./endings.ts";
import { type RequestKind, socketRequest } from "./requests.ts";
import type { Outcome } from "./tally.ts";

/** Milliseconds after which a request without an end is lost: a restart of a model takes less. */
const LONGEST_MS = 120_000;
/** Milliseconds in which a server closes a WebSocket that its client closes. */
const CLOSING_MS = 10_000;

/** Sends a request over HTTP and reads its answer to the end. */
export async function send(base: string, kind: RequestKind, random: Random): Promise<Outcome> {
  try {
    const response = await fetch(`${base}${kind.path}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(kind.body(random)),
      signal: AbortSignal.timeout(LONGEST_MS),
    });
    const body = await response.text();
    if (!response.ok) return refusal(response, body);
    const ending = kind.ending(body);
    if (ending.is === "complete") return { is: "answered" };
    return ending.is === "error"
      ? { is: "failed", message: ending.message }
      : { is: "lost", why: ending.why };
  } catch (error) {
    return { is: "lost", why: messageOf(error) };
  }
}

function refusal({ status, headers }: Response, body: string): Outcome {
  let message: string | null = null;
  try {
    message = errorOf(JSON.parse(body));
  } catch {
    // It is no JSON.
  }
  return message === null
    ? { is: "lost", why: `status ${status} without an error: ${body.slice(0, 160)}` }
    : { is: "refused", status, message, retryAfter: Number(headers.get("retry-after")) || null };
}

/** Asks twice over one WebSocket, which the server then closes when the client does. */
export async function sendOverSocket(base: string, random: Random): Promise<Outcome> {
  try {
    return await within(LONGEST_MS + CLOSING_MS, askTwice(base, random));
  } catch (error) {
    return { is: "lost", why: messageOf(error) };
  }
}

async function askTwice(base: string, random: Random): Promise<Outcome> {
  const socket = await FrameSocket.open(`${base.replace(/^http/, "ws")}/ws/generate`);
  let outcome: Outcome = { is: "answered" };
  for (let round = 0; round < 2 && outcome.is === "answered"; round++) {
    socket.send(socketRequest(random));
    outcome = await within(LONGEST_MS, readAnswer(socket));
  }
  const closed = socket[Symbol.asyncDispose]().then((): Outcome => outcome);
  return await within(CLOSING_MS, closed);
}

/** An outcome that does not come in time is a loss. */
async function within(ms: number, outcome: Promise<Outcome>): Promise<Outcome> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<Outcome>((resolve) => {
    timer = setTimeout(() => resolve({ is: "lost", why: `no end after ${ms / 1000} s` }), ms);
  });
  try {
    return await Promise.race([outcome, late]);
  } finally {
    clearTimeout(timer);
  }
}

async function readAnswer(socket: FrameSocket): Promise<Outcome> {
  try {
    while (true) {
      const frame = await socket.frame();
      const message = errorOf(frame);
      if (message !== null) return { is: "failed", message };
      if ((frame as { done?: boolean }).done === true) return { is: "answered" };
    }
  } catch (error) {
    return { is: "lost", why: messageOf(error) };
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
