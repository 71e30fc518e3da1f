import { assertEquals, assertRejects } from "@std/assert";
import { SerialQueue } from "./serial_queue.ts";

Deno.test("work waits for earlier work, also if that fails", async () => {
  const queue = new SerialQueue();
  const order: string[] = [];
  const work = (name: string, isBroken = false) => async () => {
    order.push(`begin ${name}`);
    await new Promise((resolve) => setTimeout(resolve, 0));
    order.push(`end ${name}`);
    if (isBroken) throw new RangeError(name);
    return name;
  };
  const first = queue.run(work("a"));
  const broken = assertRejects(() => queue.run(work("b", true)), RangeError, "b");
  const last = queue.run(work("c"));
  assertEquals([await first, await last], ["a", "c"]);
  await broken;
  assertEquals(order, ["begin a", "end a", "begin b", "end b", "begin c", "end c"]);
});
