import { assert, assertEquals, assertLess, assertRejects, assertStringIncludes } from "@std/assert";
import { delay } from "@std/async/delay";
import { join } from "node:path";
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
  assertEquals(await terminal.read("a\x1b\r😀\x1b[A\x1b[Bx\r"), "a\nx😀");
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

Deno.test("when a chat ends, its messages are in the history, in their order", async () => {
  const home = await Deno.makeTempDir();
  try {
    const messages = Array.from({ length: 20 }, (_, index) => `message ${index}`);
    {
      await using terminal = await opened(NOTHING, home);
      for (const message of messages) await terminal.read(`${message}\r`);
    }
    const lines = (await Deno.readTextFile(join(home, "chat", "history"))).trimEnd().split("\n");
    assertEquals(lines.map((line) => JSON.parse(line)), messages);
  } finally {
    await Deno.remove(home, { recursive: true });
  }
});

Deno.test("a paste and a damaged history send no commands to the terminal", async () => {
  const home = await Deno.makeTempDir();
  try {
    await Deno.mkdir(join(home, "chat"));
    const lines = ['"old"', '{"a":1}', "not JSON", "\0\xff", '"\\u001b[31mred\\u009b2J"', "5"];
    await Deno.writeTextFile(join(home, "chat", "history"), lines.join("\n"));
    await using terminal = await opened(NOTHING, home);
    assertEquals(await terminal.read("\x1b[A\r"), "[31mred2J");
    assertEquals(await terminal.read("\x1b[A\x1b[A\r"), "old");
    const paste = "\x1b[200~a\x1b[31mb\x9b2Jc\x07\td\r\ne\x1b[201~\r";
    assertEquals(await terminal.read(paste), "a[31mb2Jc\td\ne");
    for (const bad of ["\x1b[31m", "\x9b", "\x07"]) {
      assert(!terminal.environment.out.includes(bad), bad);
    }
  } finally {
    await Deno.remove(home, { recursive: true });
  }
});

Deno.test("a history that cannot be written is told once, and the chat goes on", async () => {
  const home = await Deno.makeTempDir();
  try {
    await Deno.mkdir(join(home, "chat", "history"), { recursive: true });
    await using terminal = await opened(NOTHING, home);
    for (const message of ["one", "two"]) {
      assertEquals(await terminal.read(`${message}\r`), message);
      await delay(20);
    }
    const told = terminal.environment.notes.filter((note) => note.includes("Cannot keep"));
    assertEquals(told.length, 1, told.join());
    assertEquals(await terminal.read("\x1b[A\r"), "two");
  } finally {
    await Deno.remove(home, { recursive: true });
  }
});

Deno.test("of a huge history the end is read, and the rest is dropped", async () => {
  const home = await Deno.makeTempDir();
  try {
    const path = join(home, "history");
    const line = `${JSON.stringify("x".repeat(100_000))}\n`;
    await Deno.writeTextFile(path, `${line.repeat(100)}"last"\n`);
    const file = new HistoryFile(path);
    const messages = await file.read();
    assertEquals([messages[0], messages[1]!.length], ["last", 100_000]);
    assertLess(messages.length, 100);
    assertEquals((await file.read()).length, messages.length);
    await file.add("y".repeat(2_000_000));
    assertEquals((await file.read())[0], "last");
  } finally {
    await Deno.remove(home, { recursive: true });
  }
});

Deno.test("a history in a folder that cannot be written is read", async () => {
  const home = await Deno.makeTempDir();
  try {
    const path = join(home, "history");
    await Deno.writeTextFile(path, '"one"\n'.repeat(3000));
    // Rights of files do not hold for root.
    const rename = Deno.rename;
    Deno.rename = () => Promise.reject(new Deno.errors.PermissionDenied("no"));
    try {
      assertEquals((await new HistoryFile(path).read()).length, 1000);
    } finally {
      Deno.rename = rename;
    }
    assertEquals(Array.from(Deno.readDirSync(home), ({ name }) => name), ["history"]);
  } finally {
    await Deno.remove(home, { recursive: true });
  }
});

Deno.test("Ctrl-C while another program has the terminal is for that program", async () => {
  await using terminal = await opened();
  const { reader, keyboard, environment } = terminal;
  const result = await reader.lend(async () => {
    assert(!keyboard.isRaw);
    for (let press = 0; press < 3; press++) environment.interrupt();
    await delay(10);
    return "edited";
  });
  assertEquals([result, keyboard.isRaw], ["edited", true]);
  assertEquals(await terminal.read("next\r"), "next");
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

Deno.test("a size that changes amid an answer draws no prompt into it", async () => {
  await using terminal = await opened();
  const { reader, keyboard, environment } = terminal;
  await terminal.read("question\r");
  await reader.during(async () => {
    await environment.output.write("the answer");
    keyboard.resize(40);
    await delay(10);
  });
  assert(environment.out.endsWith("the answer"), environment.out);
  const message = reader.read();
  keyboard.type("typed");
  await delay(10);
  const { length } = environment.out;
  keyboard.resize(30);
  await delay(10);
  assertStringIncludes(environment.out.slice(length), "> typed");
  keyboard.type("\r");
  assertEquals(await message, "typed");
});

Deno.test("a closed terminal ends the messages", async () => {
  await using terminal = await opened();
  const message = terminal.reader.read();
  terminal.keyboard.end();
  assertEquals([await message, await terminal.reader.read()], [null, null]);
});
