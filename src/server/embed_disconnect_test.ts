import { assertEquals } from "@std/assert";
import { until } from "../../tests/doubles/context.ts";
import { serverDouble } from "../../tests/doubles/server.ts";

for (
  const [path, body, kind] of [
    ["/v1/embeddings", { input: "a" }, "embedding"],
    ["/v1/rerank", { query: "a", documents: ["b"] }, "rerank"],
    ["/api/embed", { model: "double", input: "a" }, "embedding"],
    ["/api/embeddings", { model: "double", prompt: "a" }, "embedding"],
  ] as const
) {
  Deno.test(`${path} cancels the computation when the client disconnects`, async () => {
    const gate = Promise.withResolvers<void>();
    const engine = { beforeEmbedding: gate.promise };
    const server = serverDouble({ engine, entry: { kind } });
    const client = new AbortController();
    const answer = server.request(path, body, { signal: client.signal });
    await until(() => server.engine.embedSignals.length > 0);
    const [signal] = server.engine.embedSignals;
    assertEquals(signal?.aborted, false);
    client.abort();
    assertEquals(signal?.aborted, true);
    gate.resolve();
    await (await answer).body?.cancel();
  });
}
