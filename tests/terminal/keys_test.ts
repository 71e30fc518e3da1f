/** The keys of the chat, in a real terminal. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Machine } from "../cli/machine.ts";
import { Terminal, terminalTest } from "./tmux.ts";

const CHAT = ["chat", "--temperature", "0"];

terminalTest("a message is edited and answered, and Ctrl-D leaves", async () => {
  await using terminal = await Terminal.start(CHAT);
  await terminal.shows(/^>/m);
  await terminal.type("name is Tomxx");
  await terminal.press("BSpace", "BSpace", "C-a");
  await terminal.type("My ");
  await terminal.press("C-e");
  await terminal.type(". and more");
  await terminal.press("C-a", "M-f", "M-f", "M-f", "M-f");
  // Between "Tom" and ". and more": the rest of the line is deleted, and a full stop is typed.
  await terminal.press("C-k");
  await terminal.shows(/^> My name is Tom(?:\. )?$/m);
  await terminal.press("C-u");
  await terminal.shows(/^>$/m);
  await terminal.enter("My name is Tom.");
  await terminal.shows("Nice to meet you, Tom!");
  await terminal.press("C-l");
  await terminal.type("x");
  const screen = await terminal.shows(/^> x$/m);
  assertMatch(screen, /> x$/);
  await terminal.press("C-u", "C-d");
  await terminal.shows("status 0");
});

terminalTest(
  "several lines are one message: Alt-Enter, a backslash, a block and a paste",
  async () => {
    await using terminal = await Terminal.start(CHAT);
    await terminal.shows(/^>/m);
    const saved = async (name: string) => {
      await terminal.enter(`/export ${name}.json`);
      await terminal.shows(`to '${name}.json'`);
      const { messages } = JSON.parse(
        await Deno.readTextFile(`${terminal.machine.home}/${name}.json`),
      );
      return messages.findLast(({ role }: { role: string }) => role === "user").content;
    };
    const answered = async () => {
      await terminal.press("Enter");
      await terminal.shows(/\n>$/);
    };
    await terminal.type("one");
    await terminal.press("M-Enter");
    await terminal.type("two");
    await answered();
    assertEquals(await saved("alt"), "one\ntwo");
    await terminal.enter("three\\");
    await terminal.type("four");
    await answered();
    assertEquals(await saved("backslash"), "three\nfour");
    await terminal.enter('"""five');
    await terminal.type('six"""');
    await answered();
    assertEquals(await saved("block"), "five\nsix");
    await terminal.paste("seven\neight\n");
    await terminal.type("nine");
    await answered();
    assertEquals(await saved("paste"), "seven\neight\nnine");
  },
);

terminalTest("wide characters take two columns, and are deleted as one", async () => {
  await using terminal = await Terminal.start(CHAT);
  await terminal.shows(/^>/m);
  await terminal.type("漢字😀é");
  await terminal.press("Left", "Left");
  await terminal.type("x");
  await terminal.shows("> 漢字x😀é");
  await terminal.press("BSpace", "BSpace", "C-e");
  await terminal.type("!");
  await terminal.shows(/> 漢😀é!/);
});

terminalTest("the history lasts across sessions, and Ctrl-R searches it", async () => {
  await using machine = await Machine.start();
  {
    await using first = await Terminal.start(CHAT, { machine });
    await first.shows(/^>/m);
    await first.enter("/set system Be brief");
    await first.shows("Set the system message.");
    await first.enter("/tokens");
    await first.shows(/\d+ of \d+ tokens/);
    await first.enter("/bye");
    await first.shows("status 0");
  }
  await using second = await Terminal.start(CHAT, { machine });
  await second.shows(/^>/m);
  await second.press("Up", "Up");
  await second.shows("> /tokens");
  await second.press("C-u", "C-r");
  await second.type("system");
  await second.shows("(search: system) /set system Be brief");
  await second.press("Enter");
  await second.shows("Set the system message.");
});

terminalTest("Tab completes commands, models and files", async () => {
  await using terminal = await Terminal.start(CHAT);
  await Deno.writeTextFile(`${terminal.machine.home}/notes of mine.txt`, "text");
  await terminal.shows(/^>/m);
  await terminal.type("/exp");
  await terminal.press("Tab");
  await terminal.shows(/> \/export$/m);
  await terminal.press("C-u");
  await terminal.type("/load shim");
  await terminal.press("Tab");
  await terminal.shows("> /load shimmy-tiny");
  await terminal.press("C-u");
  await terminal.type("/file not");
  await terminal.press("Tab");
  await terminal.shows("> /file notes of mine.txt");
  await terminal.press("C-u");
  await terminal.type("/s");
  await terminal.press("Tab", "Tab");
  const screen = await terminal.shows("/sessions");
  assertStringIncludes(screen, "/show");
});

terminalTest("Ctrl-C stops the answer only, twice leaves, and typed text waits", async () => {
  await using terminal = await Terminal.start([...CHAT, "--context-shift"]);
  await terminal.shows(/^>/m);
  // Random tokens, of which hardly one ends the answer before the keys arrive.
  await terminal.enter("/set parameter top_k 0");
  await terminal.enter("/set parameter top_p 1");
  await terminal.enter("/set parameter min_p 0");
  await terminal.enter("/set parameter temperature 9");
  await terminal.enter("Count from 1 to 40.");
  await terminal.shows(/40\.\n\S/);
  await terminal.type("next");
  await terminal.press("C-c");
  const screen = await terminal.shows(/> next$/);
  const answer = screen.slice(screen.lastIndexOf("40."), screen.lastIndexOf("> next"));
  assert(!answer.includes("next"), answer);
  await terminal.press("C-c");
  await terminal.shows("Press Ctrl-C again");
  await terminal.press("C-c");
  await terminal.shows("status 130");
});
