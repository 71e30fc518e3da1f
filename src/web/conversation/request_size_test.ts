import { assert, assertEquals } from "@std/assert";
import type { MediaFile, Message, TextFile } from "./conversation.ts";
import { createMessage } from "./create.ts";
import { chatPromptOf, promptOf } from "./prompt.ts";
import { attachmentBytes, promptBytes, textBytes, withoutRoom } from "./request_size.ts";

const image = (characters: number): MediaFile => ({
  name: "a.png",
  url: `data:image/png;base64,${"A".repeat(characters)}`,
});
const SOUND: MediaFile = { name: "b.wav", url: `data:audio/wav;base64,${"A".repeat(5_000)}` };
const NOTES: TextFile = {
  name: 'ü "notes".txt',
  text: 'A line\n"with" ä control \u0001\n'.repeat(900),
};

const bytesOf = (value: unknown) => new TextEncoder().encode(JSON.stringify(value)).length;

Deno.test("the size of a branch is never less than its requests have, and little more", () => {
  const files = { files: [NOTES], media: [image(80_000), SOUND, { name: "gone.png" }] };
  const question = createMessage({ role: "user", parent: null, content: "Why?\n€", ...files });
  const call = { id: "1", name: "look", arguments: '{"at":"here"}' };
  const answer = createMessage({
    role: "assistant",
    parent: question.id,
    content: "A\tB",
    toolCalls: [call],
  });
  const result = createMessage({ role: "tool", parent: answer.id, content: "C", toolCallId: "1" });
  const path: Message[] = [question, answer, result];
  const [system, tools] = ['Be "brief".\n', '[{"type":"function"}]'];
  const counted = promptBytes({ system, tools }, path);
  const sent = [
    bytesOf({ messages: chatPromptOf(system, path), tools: JSON.parse(tools) }),
    bytesOf({ system, messages: promptOf(path) }),
  ];
  assert(counted >= Math.max(...sent), `${counted} ${sent}`);
  assert(counted < Math.min(...sent) + 20_000, `${counted} ${sent}`);
});

Deno.test("a file that no longer changes counts as much each time", () => {
  const first = attachmentBytes(NOTES);
  assertEquals(attachmentBytes(NOTES), first);
  assert(first > bytesOf(NOTES.text));
  assertEquals(attachmentBytes({ name: "gone.png" }), 0);
  assertEquals(textBytes('"ü'), 6);
});

Deno.test("files that do not fit are those behind the ones that fill the request", () => {
  const files = [image(400), image(900), image(300), NOTES];
  const bytes = files.map(attachmentBytes);
  assertEquals(withoutRoom(files, bytes[0]! + bytes[2]!), [files[1]!, files[3]!]);
  assertEquals(withoutRoom(files, Infinity), []);
  assertEquals(withoutRoom(files, 0), files);
});
