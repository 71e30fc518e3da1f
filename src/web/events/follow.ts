import { useEffect } from "preact/hooks";
import { signal } from "@preact/signals";
import { ApiError, request, serverEvents } from "../api/mod.ts";
import type { EventData } from "./types.ts";
import { forget, receive } from "./state.ts";

/** The connection to the server's events. */
export type Connection =
  | { readonly state: "closed" | "connecting" | "open" }
  /** It is tried again, unless the server refused it. */
  | { readonly state: "lost" | "refused"; readonly message: string };

export const connection = signal<Connection>({ state: "closed" });

/** Increases when the state of a model changes, and when a pull ends. */
export const changes = signal(0);

/** Milliseconds before a lost connection is tried again: at first, and at most. */
const RETRY_MS = { first: 1_000, most: 15_000 };

/** Milliseconds for which the connection stays open without a page: the user may go to the next one. */
const LINGER_MS = 5_000;

const EVENTS: readonly (keyof EventData)[] = ["status", "request", "error", "log", "model", "pull"];

let users = 0;
let open: AbortController | null = null;
let closing: ReturnType<typeof setTimeout> | undefined;

/** Follows the events while the component is shown. All components share one connection. */
export function useLive(): void {
  useEffect(() => {
    users++;
    clearTimeout(closing);
    if (open === null) void follow(open = new AbortController());
    return () => {
      if (--users === 0) closing = setTimeout(close, LINGER_MS);
    };
  }, []);
}

/** Connects again after the server refused, for example with another key. */
export function reconnect(): void {
  open?.abort();
  void follow(open = new AbortController());
}

function close(): void {
  open?.abort();
  open = null;
  connection.value = { state: "closed" };
}

async function follow({ signal: aborted }: AbortController): Promise<void> {
  let wait = RETRY_MS.first;
  while (!aborted.aborted) {
    connection.value = { state: "connecting" };
    try {
      const response = await request("/api/events", { signal: aborted });
      forget();
      connection.value = { state: "open" };
      wait = RETRY_MS.first;
      for await (const { event, data } of serverEvents(response)) take(event, data);
      if (aborted.aborted) return;
      connection.value = { state: "lost", message: "The server ended the connection" };
    } catch (error) {
      if (aborted.aborted) return;
      const message = error instanceof Error ? error.message : String(error);
      const isRefused = error instanceof ApiError && error.status >= 400 && error.status < 500;
      connection.value = { state: isRefused ? "refused" : "lost", message };
      if (isRefused) return;
    }
    await pause(wait, aborted);
    wait = Math.min(2 * wait, RETRY_MS.most);
  }
}

function take(event: string, data: string): void {
  // A newer server may have others.
  const name = EVENTS.find((one) => one === event);
  if (name === undefined) return;
  receive(name, JSON.parse(data));
  if (name === "model" || name === "pull") changes.value++;
}

function pause(milliseconds: number, aborted: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    aborted.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    }, { once: true });
  });
}
