import { assertEquals } from "@std/assert";
import type { LoadedModel } from "../../loading/mod.ts";
import type { FromEngineCore } from "../../protocol/mod.ts";
import { LongPrompts } from "./long_prompts.ts";
import { Replies } from "./replies.ts";

Deno.test({
  name: "answers that are not there yet count as waiting, so that the loop yields",
  // The ports by which an engine yields have its lifetime.
  sanitizeResources: false,
  sanitizeOps: false,
  async fn() {
    const posted: FromEngineCore["type"][] = [];
    const model = {} as LoadedModel;
    const replies = new Replies(() => model, new LongPrompts(), ({ type }) => posted.push(type));
    const [first, second] = [Promise.withResolvers<number>(), Promise.withResolvers<number>()];
    replies.replyAfter(1, () => first.promise);
    replies.replyAfter(2, () => second.promise);
    assertEquals([replies.waiting, posted], [2, []]);
    first.resolve(5);
    second.reject(new Error("no"));
    await new Promise((resolve) => setTimeout(resolve));
    assertEquals([replies.waiting, posted], [0, ["reply", "refused"]]);
  },
});
