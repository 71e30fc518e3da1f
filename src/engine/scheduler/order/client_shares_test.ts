import { assertEquals } from "@std/assert";
import { ClientTurns, hasFilledShare, type SharingSequence } from "./client_shares.ts";

let made = 0;

/** A sequence with a prompt of 100 tokens that arrived at time 0. */
function sequence(
  client: string | undefined,
  changes: Partial<SharingSequence> & { priority?: number } = {},
): SharingSequence {
  const { priority = 0, ...rest } = changes;
  const request = { priority, ...(client === undefined ? {} : { client }) };
  return { id: ++made, remaining: 100, submitted: 0, hasSampled: false, request, ...rest };
}

const byTurn = (...given: Parameters<ClientTurns["order"]>) => new ClientTurns().order(...given);

const clients = (sequences: readonly SharingSequence[]) =>
  sequences.map(({ request }) => request.client);

Deno.test("clients take turns, whoever came first", () => {
  const waiting = [..."aaaab", "c"].map((client) => sequence(client));
  assertEquals(clients(byTurn(waiting, [], 0)), ["a", "b", "c", "a", "a", "a"]);
});

Deno.test("running sequences count for the turn of their client", () => {
  const running = [sequence("a"), sequence("a")];
  const waiting = [sequence("a"), sequence("b"), sequence("b")];
  assertEquals(clients(byTurn(waiting, running, 0)), ["b", "b", "a"]);
});

Deno.test("admissions count for the turn of a client while others wait", () => {
  const turns = new ClientTurns();
  const waiting = [..."aaabb"].map((client) => sequence(client));
  const order: SharingSequence[] = [];
  for (let left = waiting; left.length > 0; left = left.filter((one) => !order.includes(one))) {
    const [next] = turns.order(left, [], 0);
    turns.admit(next!);
    order.push(next!);
  }
  assertEquals(clients(order), ["a", "b", "a", "b", "a"]);
});

Deno.test("a client that has waited long enough comes before new clients", () => {
  const old = sequence("a");
  const running = [sequence("a")];
  const fresh = (now: number) => [old, sequence("b", { submitted: now })];
  assertEquals(clients(byTurn(fresh(1_000), running, 1_000)), ["b", "a"]);
  assertEquals(clients(byTurn(fresh(17_000), running, 17_000)), ["a", "b"]);
});

Deno.test("preempted sequences and priorities come first", () => {
  const preempted = sequence("a", { hasSampled: true });
  const urgent = sequence("a", { priority: 3 });
  const waiting = [sequence("b"), urgent, preempted];
  assertEquals(byTurn(waiting, [sequence("a")], 0).slice(0, 2), [preempted, urgent]);
});

Deno.test("requests without a client are in the order of their arrival", () => {
  const waiting = [sequence(undefined), sequence(undefined), sequence(undefined)];
  assertEquals(byTurn(waiting, [], 0), waiting);
});

Deno.test("one client fills at most three quarters of a queue", () => {
  const waiting = Array.from({ length: 6 }, () => sequence("a"));
  assertEquals(hasFilledShare(waiting, "a", 8), true);
  assertEquals(hasFilledShare(waiting.slice(1), "a", 8), false);
  assertEquals(hasFilledShare(waiting, "b", 8), false);
  assertEquals(hasFilledShare(waiting, undefined, 8), false);
});
