import { assertEquals, assertRejects } from "@std/assert";
import { EngineDouble } from "../../../tests/doubles/engine.ts";
import type { MediaInput, ModelInfo, PromptPart } from "../../engine/protocol/mod.ts";
import { ShimmyError } from "../../errors.ts";
import { joinContent, type Message } from "../conversation/mod.ts";
import type { ChatInput } from "../prompt/mod.ts";
import { withMedia } from "./media.ts";
import { inlinePreparer, type Preparer, sharedPreparer } from "./prepare.ts";

const TEMPLATE = "{% for message in messages %}<{{ message.content }}>{% endfor %}";
const LAST = "<{{ messages[-1].content }}>";
const TWICE = "{{ messages[0].content | tojson }}{{ messages[0].content }}";

function infoWith(chatTemplate: string, refusal: string | null = null): ModelInfo {
  const { info } = new EngineDouble();
  return { ...info, chatTemplate, media: { vision: refusal === null, audio: false, refusal } };
}

const image = (id: number): MediaInput => ({
  type: "image",
  bytes: new Uint8Array([id]),
  field: `messages[${id}]`,
});

function chat(...messages: Pick<Message, "content" | "media">[]): ChatInput {
  return {
    type: "chat",
    messages: messages.map((message) => ({ role: "user", ...message })),
    tools: [],
    toolChoice: { type: "none" },
    parallelToolCalls: false,
    templateArguments: {},
    continueLast: false,
  };
}

const [first, second] = [image(0), image(1)];
const both = chat(joinContent(["a", first], ""), joinContent([second, "b"], ""));

function rendered(info: ModelInfo, input: ChatInput): Promise<readonly PromptPart[]> {
  return withMedia(inlinePreparer).prompt(info, input);
}

Deno.test("images are where the template puts them", async () => {
  const expected = [
    { text: "<a", special: true },
    { media: first },
    { text: "><", special: true },
    { media: second },
    { text: "b>", special: true },
  ];
  assertEquals(await rendered(infoWith(TEMPLATE), both), expected);
  const answer = await withMedia(inlinePreparer)
    .answer(infoWith(TEMPLATE), both, { type: "text" });
  assertEquals(answer.prompt, expected);
});

Deno.test("an image is placed each time that the template writes it, also as JSON", async () => {
  const parts = await rendered(infoWith(TWICE), chat(joinContent([first, "x"], "")));
  assertEquals(parts.filter((part) => "media" in part).length, 2);
});

Deno.test("an image that the template leaves out is refused with its field", async () => {
  const error = await assertRejects(() => rendered(infoWith(LAST), both), ShimmyError);
  assertEquals([error.kind, error.field], ["invalid", "messages[0]"]);
  assertEquals(
    error.message,
    "messages[0]: the model's chat template leaves this image out",
  );
});

Deno.test("a model that reads no images refuses them with the reason", async () => {
  const { media: _, ...without } = infoWith(TEMPLATE);
  await assertRejects(
    () => rendered(without, both),
    ShimmyError,
    "messages[0]: the model reads no images: it has no projector (mmproj)",
  );
  await assertRejects(
    () => rendered(infoWith(TEMPLATE, "It is out of order"), both),
    ShimmyError,
    "messages[0]: It is out of order",
  );
});

Deno.test("images at URLs are fetched together, and refused where nothing fetches them", async () => {
  const remote = (id: number) =>
    ({ type: "remote", url: `http://a/${id}`, field: `f[${id}]` }) as const;
  const input = chat(joinContent([remote(0), first], ""), joinContent(["b", remote(1)], ""));
  const asked: unknown[] = [];
  const preparer: Preparer = {
    ...inlinePreparer,
    fetchImages: (images) => {
      asked.push(images);
      return Promise.resolve(images.map((_, id) => image(10 + id)));
    },
  };
  const parts = await withMedia(sharedPreparer(preparer)).prompt(infoWith(TEMPLATE), input);
  assertEquals(asked, [[remote(0), remote(1)]]);
  const media = parts.flatMap((part) => "media" in part ? [part.media] : []);
  assertEquals(media, [image(10), first, image(11)]);
  const answer = await withMedia(preparer).answer(infoWith(TEMPLATE), input, { type: "text" });
  assertEquals(answer.prompt, parts);
  const error = await assertRejects(() => rendered(infoWith(TEMPLATE), input), ShimmyError);
  assertEquals([error.kind, error.message], [
    "invalid",
    "f[0]: images of other servers are not fetched: send a data: URL, or start this server with " +
    "--allow-remote-media HOST",
  ]);
});

Deno.test("text that looks like a mark stays text", async () => {
  const { content } = joinContent([first], "");
  const guess = content.replace(/[0-9a-f]/g, "0");
  assertEquals(await rendered(infoWith(TEMPLATE), chat({ content: guess })), [
    { text: `<${guess}>`, special: true },
  ]);
});
