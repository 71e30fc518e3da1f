import { assertEquals } from "@std/assert";
import { join } from "node:path";
import type { Machine, Server } from "../cli/machine.ts";

/** Files of a request and its response. */
export interface SavedAnswer {
  readonly request: string;
  readonly response: string;
  /** The response. */
  readonly text: string;
}

/** Sends a request and saves it with its response, as the page of receipts describes. */
export async function save(
  machine: Machine,
  server: Server,
  path: string,
  body: unknown,
): Promise<SavedAnswer> {
  const answered = await fetch(server.url(path), { method: "POST", body: JSON.stringify(body) });
  const text = await answered.text();
  assertEquals(answered.status, 200, text);
  const id = crypto.randomUUID();
  const request = join(machine.home, `${id}.request.json`);
  const response = join(machine.home, `${id}.response`);
  await Deno.writeTextFile(request, JSON.stringify(body));
  await Deno.writeTextFile(response, text);
  return { request, response, text };
}
