/** Unusual input, answers and failures, in a real terminal. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Machine } from "../cli/machine.ts";
import { answering } from "./answering.ts";
import { Terminal, terminalTest } from "./tmux.ts";

const CHAT = ["chat", "--temperature", "0"];

/** Sequences that would change the title, clear the screen, and move and colour text. */
const SEQUENCES = "\x1b]0;owned\x07one\x1b[2Jtwo\x1b[10;10Hthree\x9b31mfour\x1bcfive\r\x08six";

terminalTest("sequences in an answer do not act on the terminal, also on a dumb one", async () => {
  await using server = answering(SEQUENCES);
  for (const env of [{ NO_COLOR: "" }, {}, { TERM: "dumb" }]) {
    await using terminal = await Terminal.start(["chat", "--host", server.address], { env });
    await terminal.shows(/^>/m);
    await terminal.enter("Hi");
    await terminal.shows("]0;ownedone[2Jtwo[10;10Hthree31mfourcfivesix");
    const screen = await terminal.screen(true);
    // deno-lint-ignore no-control-regex
    assert(!/\x1b\[31m/.test(screen), screen);
  }
});

terminalTest("a server that dies amid an answer is told, and the chat goes on", async () => {
  await using server = answering("half an answer", "Hm", { broken: 1 });
  await using terminal = await Terminal.start(["chat", "--host", server.address], {
    env: { NO_COLOR: "" },
  });
  await terminal.shows(/^>/m);
  await terminal.enter("Hi");
  const screen = await terminal.shows(/the connection broke\n>$/);
  assertMatch(screen, /half an answer\nCannot use the server/);
  await terminal.enter("Again");
  await terminal.shows(/half an answer\n+>$/);
  await terminal.enter("/export chat.json");
  await terminal.shows("Wrote 2 messages");
});

terminalTest("an editor that fails, is missing or is interrupted changes nothing", async () => {
  const cases = [
    ["false", "false ended with status 1; nothing was changed."],
    ["no-such-editor", "Cannot run the editor 'no-such-editor'"],
    ["rm", "Cannot run the editor 'rm'"],
  ] as const;
  for (const [EDITOR, says] of cases) {
    await using terminal = await Terminal.start(CHAT, { env: { EDITOR } });
    await terminal.shows(/^>/m);
    await terminal.enter("My name is Tom.");
    await terminal.shows("Nice to meet you, Tom!");
    await terminal.enter("/edit");
    await terminal.shows(says);
    await terminal.enter("What is my name?");
    await terminal.shows("Your name is Tom.");
  }
});

terminalTest("Ctrl-C in the editor is for the editor", async () => {
  await using machine = await Machine.start();
  const editor = `${machine.home}/editor`;
  // A signal ends `read` without a line.
  const script = '#!/bin/sh\ntrap "echo caught" INT\necho editing\n' +
    'until read line; do :; done\necho "$line" >"$1"\n';
  await Deno.writeTextFile(editor, script, { mode: 0o755 });
  await using terminal = await Terminal.start(CHAT, { machine, env: { EDITOR: editor } });
  await terminal.shows(/^>/m);
  await terminal.enter("/edit");
  await terminal.shows("editing");
  await terminal.press("C-c");
  await terminal.press("C-c");
  await terminal.shows("caught");
  await terminal.enter("My name is Tom.");
  await terminal.shows("Nice to meet you, Tom!");
});

terminalTest("a paste of 10,000 lines is one message", async () => {
  await using server = answering("Yes.");
  await using terminal = await Terminal.start(["chat", "--host", server.address]);
  await terminal.shows(/^>/m);
  const lines = Array.from({ length: 10_000 }, (_, line) => `line ${line}`);
  await terminal.paste(lines.join("\n"));
  await terminal.shows("line 9999");
  await terminal.type(" end");
  await terminal.press("Enter");
  await terminal.shows(/Yes\.\n+>$/);
  await terminal.enter("/export chat.json");
  await terminal.shows("Wrote 2 messages");
  const { messages } = JSON.parse(
    await Deno.readTextFile(`${terminal.machine.home}/chat.json`),
  );
  assertEquals(messages[0].content, `${lines.join("\n")} end`);
});

terminalTest("a terminal of ten columns, and one whose size changes amid an answer", async () => {
  const words = "漢字漢字漢字漢字 e\u0301e\u0301 👍🏽 incomprehensibilities | a | b |\n- item one\n";
  await using server = answering(words);
  await using terminal = await Terminal.start(["chat", "--host", server.address], {
    columns: 10,
    env: { NO_COLOR: "" },
  });
  await terminal.shows(/^>/m);
  await terminal.type("漢字漢字漢字漢字ab");
  await terminal.press("Left", "Left", "BSpace", "C-e");
  await terminal.resize(30);
  await terminal.type("!");
  await terminal.shows("> 漢字漢字漢字漢ab!");
  await terminal.press("Enter");
  const screen = await terminal.shows(/• item one\n+>$/);
  assertStringIncludes(screen, "incomprehensibilities");
  await terminal.enter("/bye");
  await terminal.shows("status 0");
});

terminalTest("Ctrl-C while the model is loaded leaves", async () => {
  await using server = answering("Hi", "", { isLoading: true });
  await using terminal = await Terminal.start(["chat", "double", "--host", server.address]);
  await terminal.shows("Loading double");
  await terminal.press("C-c");
  await terminal.shows("status 130");
  server.finishLoading();
});

terminalTest("Ctrl-C gives up waiting for a server that does not answer", async () => {
  for (const [silent, command] of [["/input_tokens", "/tokens"], ["/api/show", "/show info"]]) {
    await using server = answering("Yes.", "", { silent: silent! });
    await using terminal = await Terminal.start(["chat", "--host", server.address]);
    await terminal.shows(/^>/m);
    await terminal.enter("Hi");
    await terminal.shows(/Yes\.\n+>$/);
    await terminal.enter(command!);
    await terminal.type("typed");
    await terminal.press("C-c");
    await terminal.shows(/Stopped\n> typed$/);
    await terminal.press("C-u");
    // The second question is counted before it is sent.
    await terminal.enter("Again");
    if (silent === "/input_tokens") {
      await terminal.press("C-c");
      await terminal.shows(/Again\n+Stopped\n>$/);
    } else await terminal.shows(/Again\n+Yes\.\n+>$/);
    await terminal.enter("/bye");
    await terminal.shows("status 0");
  }
});

terminalTest("commands take unusual arguments", async () => {
  await using machine = await Machine.start();
  const config = `${machine.home}/.config/shimmy/chat/conversations`;
  await Deno.mkdir(`${config}/folder.json`, { recursive: true });
  await Deno.writeTextFile(`${config}/broken.json`, '{"model": "m", "messages": [{}]}');
  await Deno.writeTextFile(
    `${config}/../history`,
    'not JSON\n{"a": 1}\n"/show \\u001b[31msystem"\n',
  );
  await using terminal = await Terminal.start(CHAT, { machine });
  await terminal.shows(/^>/m);
  const cases = [
    ["/save ../up", "not '../up'"],
    ["/save a/b", "not 'a/b'"],
    ["/save .hidden", "not '.hidden'"],
    [`/save ${"n".repeat(101)}`, "A name must have 1 to 100"],
    ["/resume broken", "Cannot resume 'broken': its file is no conversation"],
    ["/resume folder", "Cannot resume 'folder': "],
    ["/sessions", /^broken /m],
    ["/load no/such\\model", "not found"],
    ["/file /dev/zero", "Cannot attach '/dev/zero': it is no file."],
    ["/file .", "Cannot attach '.': it is no file."],
    ["/export /no/such/folder/x.md", "Cannot write '/no/such/folder/x.md': "],
    ["/export .", "Cannot write '.': "],
    ["/fork 1e3", "/fork: N must be a whole number 2 to 16, not '1e3'."],
    ["/retry -1", "/retry: TEMPERATURE must be a number of at least 0, not '-1'."],
    ["/keep 0", "There are no answers"],
    ["/constructor", "Unknown command /constructor"],
    ["/show __proto__", "/show: NAME must be one of"],
    ["/set constructor x", "/set: NAME must be one of"],
    ["/set parameter __proto__ 1", "/set parameter: NAME must be one of"],
  ] as const;
  for (const [command, says] of cases) {
    await terminal.enter(command);
    await terminal.shows(says);
  }
  await terminal.press("C-l");
  for (let up = 0; up <= cases.length; up++) await terminal.press("Up");
  await terminal.shows("> /show [31msystem");
  await terminal.press("C-u");
  await terminal.enter("/bye");
  await terminal.shows("status 0");
});
