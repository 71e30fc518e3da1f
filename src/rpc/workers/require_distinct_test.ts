import { assertEquals, assertThrows } from "@std/assert";
import { ShimmyError } from "../../errors.ts";
import { requireDistinct } from "./require_distinct.ts";

const worker = (hostname: string, address: string) => ({
  endpoint: { hostname, port: 50052, text: `${hostname}:50052` },
  address,
});

Deno.test("a worker with two names is refused, and several workers are not", () => {
  const one = worker("localhost", "127.0.0.1:50052");
  const other = worker("b", "10.0.0.2:50052");
  requireDistinct([one, other], "--rpc");
  const same = worker("127.0.0.1", one.address);
  const error = assertThrows(() => requireDistinct([one, other, same], "--rpc"), ShimmyError);
  assertEquals(error.kind, "invalid");
  assertEquals(
    error.message,
    "--rpc: names one worker twice, as localhost:50052 and 127.0.0.1:50052",
  );
});
