import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { encodeBase64 } from "@std/encoding/base64";
import { pattern, png } from "../../../../tests/support/pictures.ts";
import { chord, wav } from "../../../../tests/support/sounds.ts";
import { MEDIA_MARK } from "../../../chat/conversation/media.ts";
import type { Message } from "../../../chat/mod.ts";
import { ShimmyError } from "../../../errors.ts";
import { Conversation } from "./conversation.ts";
import { exportText } from "./export.ts";
import { fitConversation } from "./fit.ts";
import { fromSaved } from "./saved_messages.ts";
import { SavedConversations } from "./saved_conversations.ts";

function conversationOf(...questions: string[]): Conversation {
  const conversation = new Conversation("Be brief");
  for (const question of questions) {
    conversation.ask(question);
    conversation.reply(`${question}!`, "");
  }
  return conversation;
}

const contents = (conversation: Conversation) =>
  conversation.messages.map(({ content }) => content);

Deno.test("undo removes the last question with its answer, and keeps the system message", () => {
  const conversation = conversationOf("a", "b");
  assertEquals(conversation.undo(), ["b"]);
  assertEquals(contents(conversation), ["Be brief", "a", "a!"]);
  assertEquals([conversation.undo(), conversation.undo()], [["a"], null]);
  assertEquals(contents(conversation), ["Be brief"]);
});

Deno.test("attached texts go before the next question only", () => {
  const conversation = new Conversation(null);
  conversation.attach("file");
  conversation.ask("what?");
  conversation.reply("this", "thought");
  conversation.ask("why?");
  assertEquals(contents(conversation), ["file\n\nwhat?", "this", "why?"]);
});

Deno.test("the oldest questions leave until a quarter of the context is free", async () => {
  const count = (conversation: Conversation) => () =>
    Promise.resolve(contents(conversation).join("").length);
  const conversation = conversationOf("a".repeat(30), "b".repeat(30), "c".repeat(20));
  const room = { contextLength: 100, maxTokens: null, count: count(conversation) };
  assertEquals(await fitConversation(conversation, room), 2);
  assertEquals(conversation.messages.map(({ content }) => content[0]), ["B", "c", "c"]);
  // A single question stays, however long it is.
  const long = conversationOf("x".repeat(500));
  assertEquals(await fitConversation(long, { ...room, count: count(long) }), 0);
  const limited = conversationOf("a".repeat(20), "b".repeat(20));
  assertEquals(
    await fitConversation(limited, { ...room, maxTokens: 5, count: count(limited) }),
    0,
  );
});

Deno.test("a saved conversation is restored with its model, and listed", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const saved = new SavedConversations(`${folder}/sessions`);
    assertEquals(await saved.list(), []);
    const conversation = conversationOf("a");
    await saved.save("my chat", { model: "m", messages: conversation.messages });
    assertEquals((await saved.list()).map(({ name }) => name), ["my chat"]);
    const { model, messages } = await saved.load("my chat");
    const restored = new Conversation(null);
    restored.restore(messages);
    assertEquals([model, restored.system, contents(restored)], [
      "m",
      "Be brief",
      contents(conversation),
    ]);
    await assertRejects(() => saved.load("other"), ShimmyError, "no saved conversation 'other'");
    await assertRejects(
      () => saved.save("../x", { model: "m", messages: [] }),
      ShimmyError,
      "not '../x'",
    );
    await Deno.writeTextFile(`${folder}/sessions/bad.json`, '{"model":1}');
    await assertRejects(() => saved.load("bad"), ShimmyError, "its file is no conversation");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("files that are no saved conversations are refused with a reason, and not listed", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const saved = new SavedConversations(folder);
    const bad = {
      text: "not JSON",
      list: "[]",
      nothing: '{"model":"m","messages":[null]}',
      reasoning: '{"model":"m","messages":[{"role":"user","content":"a","reasoning":5}]}',
      tool: '{"model":"m","messages":[{"role":"tool","content":"a"}]}',
    };
    for (const [name, text] of Object.entries(bad)) {
      await Deno.writeTextFile(`${folder}/${name}.json`, text);
      await assertRejects(() => saved.load(name), ShimmyError, "its file is no conversation");
    }
    await Deno.mkdir(`${folder}/folder.json`);
    await assertRejects(() => saved.load("folder"), ShimmyError, "Cannot resume 'folder': ");
    await assertRejects(
      () => saved.save("folder", { model: "m", messages: [] }),
      ShimmyError,
      "Cannot save 'folder': ",
    );
    const names = Array.from(Deno.readDirSync(folder), ({ name }) => name);
    assertEquals(names.filter((name) => !name.endsWith(".json")), [], "a file is left behind");
    if (Deno.build.os !== "windows") await Deno.symlink(`${folder}/gone`, `${folder}/link.json`);
    const listed = (await saved.list()).map(({ name }) => name);
    assertEquals(listed.sort(), Object.keys(bad).sort());
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("saved conversations whose folder is a file are refused with a reason", async () => {
  const path = await Deno.makeTempFile();
  try {
    const saved = new SavedConversations(path);
    await assertRejects(() => saved.list(), ShimmyError, "Cannot list the conversations: ");
    await assertRejects(() => saved.load("a"), ShimmyError, "Cannot resume 'a': ");
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("a mark takes a conversation back with the texts that were attached", () => {
  const conversation = conversationOf("a", "b");
  conversation.attach("file");
  const back = conversation.mark();
  conversation.ask("c");
  conversation.dropOldest();
  conversation.reply("c!", "");
  back();
  assertEquals(contents(conversation), ["Be brief", "a", "a!", "b", "b!"]);
  conversation.ask("d");
  assertEquals(contents(conversation).at(-1), "file\n\nd");
});

Deno.test("a conversation is exported as Markdown or JSON", async () => {
  const { messages } = conversationOf("a");
  const saved = { model: "m", messages };
  assertEquals(JSON.parse(await exportText("x.json", saved)), {
    model: "m",
    messages: [...messages],
  });
  const text = await exportText("x.md", saved);
  assertStringIncludes(text, "# Conversation with m\n\n## System\n\nBe brief\n\n## User\n\na\n");
});

const IMAGE = { type: "image", bytes: png(3, 2, pattern(1)), field: "cat.png" } as const;

Deno.test("an attached image goes before the next question, with the question it is removed", () => {
  const conversation = new Conversation(null);
  conversation.attach(IMAGE);
  assertEquals([conversation.hasMedia("image"), conversation.hasMedia("audio")], [true, false]);
  conversation.ask("what?");
  const [{ media, content }] = conversation.messages as [Message];
  assertEquals([media, content], [[IMAGE], `${MEDIA_MARK}what?`]);
  assertEquals(conversation.question, [IMAGE, "what?"]);
  assertEquals(conversation.undo(), [IMAGE, "what?"]);
  assertEquals(conversation.hasMedia("image"), false);
});

Deno.test("sounds are saved, restored and exported", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const sound = { type: "audio", bytes: wav(0.1, chord(1)), field: "a.wav" } as const;
    const conversation = new Conversation(null);
    conversation.attach(sound);
    assertEquals([conversation.hasMedia("image"), conversation.hasMedia("audio")], [false, true]);
    conversation.ask("what?");
    const saved = new SavedConversations(folder);
    const { messages } = conversation;
    await saved.save("x", { model: "m", messages });
    const other = new Conversation(null);
    other.restore((await saved.load("x")).messages);
    const [{ media, content }] = other.messages as [Message];
    assertEquals([media?.length, content], [1, `${MEDIA_MARK}what?`]);
    const [restored] = media!;
    assertEquals(restored?.type === "audio" && restored.bytes, sound.bytes);
    const data = encodeBase64(sound.bytes);
    const json = JSON.parse(await exportText("x.json", { model: "m", messages }));
    assertEquals(json.messages[0].content[0], {
      type: "input_audio",
      input_audio: { data, format: "wav" },
    });
    const text = await exportText("x.md", { model: "m", messages });
    assertStringIncludes(text, `[sound](data:audio/wav;base64,${data})`);
    for (const broken of [null, {}, { data: 1 }, { data: "~" }]) {
      const value = { role: "user", content: [{ type: "input_audio", input_audio: broken }] };
      assertEquals(fromSaved(value), null);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("images are saved, restored and exported", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const conversation = new Conversation("Be brief");
    for (const part of ["file", IMAGE]) conversation.attach(part);
    conversation.ask("what?");
    conversation.reply("a cat", "it has ears");
    const { messages } = conversation;
    const saved = new SavedConversations(folder);
    await saved.save("cat", { model: "m", messages });
    const restored = (await saved.load("cat")).messages;
    assertEquals(restored[1]!.content, messages[1]!.content);
    const bytes = restored[1]!.media!.map((one) => "bytes" in one ? one.bytes : one.url);
    assertEquals(bytes, [IMAGE.bytes]);
    assertEquals(restored[2], messages[2]);
    const url = `data:image/png;base64,${encodeBase64(IMAGE.bytes)}`;
    const json = JSON.parse(await exportText("x.json", { model: "m", messages }));
    assertEquals(json.messages[1], {
      role: "user",
      content: [
        { type: "text", text: "file" },
        { type: "image_url", image_url: { url } },
        { type: "text", text: "what?" },
      ],
    });
    const text = await exportText("x.md", { model: "m", messages });
    assertStringIncludes(text, `## User\n\nfile\n\n![image](${url})\n\nwhat?\n`);
    const wrong: readonly unknown[] = [
      { type: "text" },
      { type: "image_url", image_url: { url: "https://example.com/cat.png" } },
      { type: "image_url", image_url: { url: "data:image/png;base64,~" } },
      null,
    ];
    for (const part of wrong) {
      const file = { model: "m", messages: [{ role: "user", content: [part] }] };
      await Deno.writeTextFile(`${folder}/bad.json`, JSON.stringify(file));
      await assertRejects(() => saved.load("bad"), ShimmyError, "its file is no conversation");
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
