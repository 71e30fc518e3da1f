import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { delay } from "@std/async/delay";
import { join } from "@std/path";
import { EnvironmentDouble } from "../../../../tests/doubles/environment.ts";
import { KeyboardDouble } from "../../../../tests/doubles/keyboard.ts";
import { HistoryFile } from "./history_file.ts";
import { type Complete, Left } from "./message_reader.ts";
import { TerminalReader } from "./terminal_reader.ts";

const NOTHING: Complete = (line) => Promise.resolve([[], line]);

/** A reader on a keyboard double, with a history of its own. */
async function opened(complete: Complete = NOTHING, folder?: string) {
  const home = folder ?? await Deno.makeTempDir();
  const keyboard = new KeyboardDouble();
  const environment = new EnvironmentDouble({ keyboard, terminal: true });
  const file = new HistoryFile(join(home, "chat", "history"));
  const reader = await TerminalReader.open(environment, keyboard, file, complete);
  return {
    keyboard,
    environment,
    reader,
    home,
    /** The message that the keys make. */
    read: (keys: string) => {
      const message = reader.read();
      keyboard.type(keys);
      return message;
    },
    [Symbol.asyncDispose]: async () => {
      keyboard.end();
      await reader[Symbol.asyncDispose]();
      // A message is kept without waiting for the file.
      await delay(20);
      if (folder === undefined) await Deno.remove(home, { recursive: true });
    },
  };
}

Deno.test("keys edit the message", async () => {
  await using terminal = await opened();
  const cases = [
    ["hello\r", "hello"],
    ["world\x01hello \r", "hello world"],
    ["one two\x17\r", "one "],
    ["abc\x1b[D\x1b[D\x0b\r", "a"],
    ["abc\x1b[D\x15\r", "c"],
    ["abc\x01x\x05y\r", "xabcy"],
    ["漢字😀\x7f!\r", "漢字!"],
    ["a\x1b\rb\r", "a\nb"],
    ["one\\\rtwo\r", "one\ntwo"],
    ['"""one\rtwo"""\r', "one\ntwo"],
    ["\x1b[200~one\ntwo\x1b[201~ three\r", "one\ntwo three"],
  ] as const;
  for (const [keys, message] of cases) assertEquals(await terminal.read(keys), message, keys);
});

Deno.test("up and down move through the lines of a message, then through the history", async () => {
  await using terminal = await opened();
  await terminal.read("first\r");
  await terminal.read("second\r");
  assertEquals(await terminal.read("\x1b[A\x1b[A\r"), "first");
  assertEquals(await terminal.read("\x1b[A\x1b[A\x1b[B!\r"), "first!");
  assertEquals(await terminal.read("ab\x1b\rcd\x1b[Ax\x1b[By\r"), "abx\ncdy");
});

Deno.test("Ctrl-R searches the history", async () => {
  await using terminal = await opened();
  for (const message of ["red apple", "green pear", "red plum"]) {
    await terminal.read(`${message}\r`);
  }
  assertEquals(await terminal.read("\x12red\r"), "red plum");
  assertEquals(await terminal.read("\x12red\x12\r"), "red apple");
  assertEquals(await terminal.read("\x12pea\x05!\r"), "green pear!");
  assertEquals(await terminal.read("typed\x12zzz\x03\r"), "typed");
  assertStringIncludes(terminal.environment.out, "(not found: zzz)");
});

Deno.test("the history lasts across readers, and can be switched off", async () => {
  const home = await Deno.makeTempDir();
  try {
    {
      await using terminal = await opened(NOTHING, home);
      await terminal.read("kept\x1b\rtwo lines\r");
      terminal.reader.keepsHistory = false;
      await terminal.read("secret\r");
    }
    {
      await using terminal = await opened(NOTHING, home);
      assertEquals(await terminal.read("\x1b[A\r"), "kept\ntwo lines");
    }
    const file = join(home, "chat", "history");
    assert(!(await Deno.readTextFile(file)).includes("secret"));
    if (Deno.build.os !== "windows") assertEquals((await Deno.stat(file)).mode! & 0o777, 0o600);
  } finally {
    await Deno.remove(home, { recursive: true });
  }
});

Deno.test("Tab completes the text before the cursor", async () => {
  const complete: Complete = (line) =>
    Promise.resolve([["/save ", "/sessions "].filter((name) => name.startsWith(line)), line]);
  await using terminal = await opened(complete);
  const message = terminal.reader.read();
  terminal.keyboard.type("/sa\t");
  await delay(20);
  terminal.keyboard.type("x\r");
  assertEquals(await message, "/save x");
});

Deno.test("keys during an answer wait for the prompt, and Ctrl-C stops the answer", async () => {
  await using terminal = await opened();
  const { reader, keyboard, environment } = terminal;
  const before = environment.out;
  const stopped = await reader.during(async (signal) => {
    keyboard.type("next");
    await delay(10);
    keyboard.type("\x03");
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    return environment.out === before;
  });
  assert(stopped, "the keys were shown during the answer");
  assertEquals(await terminal.read("!\r"), "next!");
});

Deno.test("a second Ctrl-C during an answer leaves", async () => {
  await using terminal = await opened();
  const never = new Promise<void>(() => {});
  const answer = terminal.reader.during(() => never);
  terminal.keyboard.type("\x03\x03");
  await assertRejects(() => answer, Left);
});

Deno.test("Ctrl-C at the prompt drops the text, and twice leaves", async () => {
  await using terminal = await opened();
  assertEquals(await terminal.read("dropped\x03kept\r"), "kept");
  assertStringIncludes(terminal.environment.out, "Press Ctrl-C again, or type /bye, to quit.");
  await assertRejects(() => terminal.read("x\x03\x03"), Left);
});

Deno.test("Ctrl-D ends on an empty line, and deletes in a text", async () => {
  await using terminal = await opened();
  assertEquals(await terminal.read("abc\x01\x04\r"), "bc");
  assertEquals(await terminal.read("\x04"), null);
});

Deno.test("the terminal is raw while messages are read, and not while another program has it", async () => {
  await using terminal = await opened();
  const { keyboard, reader, environment } = terminal;
  assert(keyboard.isRaw);
  await terminal.read("/edit\r");
  const { reads } = keyboard;
  await reader.release(async () => {
    assert(!keyboard.isRaw);
    await delay(10);
    // The other program reads the keys.
    assertEquals(keyboard.reads, reads);
  });
  assert(keyboard.isRaw);
  await reader[Symbol.asyncDispose]();
  assert(!keyboard.isRaw);
  assert(environment.out.trimEnd().endsWith("\x1b[?2004l"));
});

Deno.test("lines that were typed before the prompt are messages", async () => {
  await using terminal = await opened();
  const { reader, keyboard } = terminal;
  keyboard.type("first\nsecond\n");
  assertEquals([await reader.read(), await reader.read()], ["first", "second"]);
  assertEquals(await terminal.read("a\nb\r"), "a\nb");
  await reader.release(() => Promise.resolve(keyboard.type("third\n")));
  assertEquals(await reader.read(), "third");
});

Deno.test("a closed terminal ends the messages", async () => {
  await using terminal = await opened();
  const message = terminal.reader.read();
  terminal.keyboard.end();
  assertEquals([await message, await terminal.reader.read()], [null, null]);
});
