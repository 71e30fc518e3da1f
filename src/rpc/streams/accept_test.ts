import { assertEquals } from "@std/assert";
import { acceptAll } from "./accept.ts";

Deno.test("connections are accepted after an error of the system", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const errors = [
    new Error("Too many open files (os error 24)"),
    new Deno.errors.ConnectionAborted("Software caused connection abort"),
  ];
  const accept = () => {
    const error = errors.shift();
    return error === undefined ? listener.accept() : Promise.reject(error);
  };
  using client = await Deno.connect({ hostname: "127.0.0.1", port });
  for await (const connection of acceptAll({ accept })) {
    assertEquals(connection.remoteAddr, client.localAddr);
    connection.close();
    break;
  }
  assertEquals(errors, []);
});

Deno.test("no connection is accepted after the listener was closed", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepted = Array.fromAsync(acceptAll(listener));
  await new Promise((resolve) => setTimeout(resolve, 5));
  listener.close();
  assertEquals(await accepted, []);
  assertEquals(await Array.fromAsync(acceptAll(listener)), []);
});
