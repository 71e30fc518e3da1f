import { assert, assertEquals } from "@std/assert";
import { freePorts } from "./free_port.ts";

Deno.test("free ports are different, can be listened on, and are not those of connections", () => {
  using stack = new DisposableStack();
  const ports = freePorts(50);
  assertEquals(new Set(ports).size, 50);
  for (const port of ports) {
    stack.use(Deno.listen({ hostname: "127.0.0.1", port }));
    assert(port >= 1024 && port < 32_768, `${port}`);
  }
});
