import { assertEquals, assertRejects } from "@std/assert";
import * as z from "zod";
import { nativeDialect } from "../api/native/mod.ts";
import { serverDouble } from "../../../tests/doubles/server.ts";
import { describedRoutes, lazyRoute, loadRoutes, once } from "./lazy_route.ts";
import type { Route, RouteCode } from "./route.ts";

/** A route that counts how often its code is read. */
function counted(path: string, read: () => void, more: Partial<Route> = {}): Route {
  const code: RouteCode = { answer: z.object({}), handle: () => Response.json({ path }) };
  const head = {
    method: "GET",
    path,
    scope: "any",
    dialect: nativeDialect,
    summary: "Count",
    ...more,
  } as const;
  return lazyRoute(head, () => {
    read();
    return Promise.resolve(code);
  });
}

Deno.test("the code of a route is read with its first request, and once", async () => {
  let count = 0;
  const { request } = serverDouble({ routes: [counted("/a", () => count++)] });
  assertEquals(count, 0);
  for (let i = 0; i < 2; i++) {
    assertEquals(await (await request("/a")).json(), { path: "/a" });
    assertEquals(count, 1);
  }
});

Deno.test("an import that failed is tried again", async () => {
  let count = 0;
  const value = once(() => count++ === 0 ? Promise.reject(new Error("gone")) : Promise.resolve(7));
  await assertRejects(() => value.load(), Error, "gone");
  assertEquals(await value.use((found) => found), 7);
  assertEquals(value.use((found) => found + 1), 8);
});

Deno.test("the code of all routes is read: of answers first, until the server stops", async () => {
  const order: string[] = [];
  const stop = new AbortController();
  const answers = { method: "POST", scope: "chat", streams: ["text/event-stream"] } as const;
  const routes = [
    counted("/list", () => order.push("/list")),
    counted("/chat", () => order.push("/chat"), answers),
    counted("/last", () => (order.push("/last"), stop.abort())),
    counted("/never", () => order.push("/never")),
  ];
  await loadRoutes(routes, stop.signal);
  assertEquals(order, ["/chat", "/list", "/last"]);
});

Deno.test("a route that cannot be read does not keep the others from being read", async () => {
  let count = 0;
  const broken = counted("/broken", () => {
    throw new Error("gone");
  });
  await loadRoutes([broken, counted("/a", () => count++)]);
  assertEquals(count, 1);
});

Deno.test("described routes have the schemas of their code", async () => {
  const [route] = await describedRoutes([counted("/a", () => {})]);
  assertEquals(route!.answer!.parse({}), {});
});
