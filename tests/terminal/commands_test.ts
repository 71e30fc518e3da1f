/** The commands of the chat, in a real terminal. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Terminal, terminalTest } from "./tmux.ts";

const CHAT = ["chat", "--temperature", "0"];

/** A chat whose commands confirm what they did. */
class Commands {
  constructor(readonly terminal: Terminal) {}

  /** Runs a command and waits for what it says. */
  async run(command: string, says: string | RegExp): Promise<string> {
    await this.terminal.enter(command);
    return await this.terminal.shows(says);
  }
}

async function started(env: Record<string, string> = {}) {
  const terminal = await Terminal.start(CHAT, { env });
  await terminal.shows(/^>/m);
  return {
    terminal,
    commands: new Commands(terminal),
    [Symbol.asyncDispose]: () => terminal[Symbol.asyncDispose](),
  };
}

terminalTest("commands that set and show confirm what they did", async () => {
  await using chat = await started();
  const { commands } = chat;
  const help = await commands.run("/?", "/why");
  for (const name of ["/help", "/bye", "/fork N", "/resume NAME", "Ctrl-R"]) {
    assertStringIncludes(help, name);
  }
  await commands.run("/set system Be brief.", "Set the system message.");
  await commands.run("/show system", /^Be brief\.$/m);
  await commands.run("/set parameter temperature 0.5", "Set temperature to 0.5.");
  await commands.run(
    "/set parameter temperature warm",
    "must be a number of at least 0, not 'warm'",
  );
  await commands.run("/show parameters", /^temperature 0\.5$/m);
  await commands.run("/set think fold", "Reasoning is folded");
  await commands.run("/set nothink", "The model does not reason.");
  await commands.run("/set verbose", "Tokens and rates are shown after each answer.");
  await commands.run("/set format json", "Answers are JSON objects.");
  await commands.run("/set noformat", "Answers are text.");
  await commands.run("/set wordwrap off", "Lines are not broken.");
  await commands.run("/set history off", "Messages are not kept in the history.");
  await commands.run("/set colour red", "/set: NAME must be one of system,");
  await commands.run("/show info", /model: +shimmy-tiny/);
  await commands.run("/show template", "{%");
  await commands.run("/show license", /shimmy-tiny states no license|license|MIT|0BSD|CC0/i);
  await commands.run("/show modelfile", "FROM shimmy-tiny");
  await commands.run("/model", "* shimmy-tiny");
  await commands.run("/load absent", "Model 'absent' not found");
  await commands.run("/load shimmy-tiny", "Going on with shimmy-tiny");
  await commands.run("/nonsense", "Unknown command /nonsense");
  await commands.run("/bye", "status 0");
});

terminalTest("commands about answers work on the last one", async () => {
  await using chat = await started();
  const { commands, terminal } = chat;
  await commands.run("/retry", "There is no question to retry.");
  await commands.run("/copy", "There is no answer to copy.");
  await commands.run("/stats", "There is no answer yet.");
  await commands.run("What is the capital of France?", "The capital of France is Paris.");
  assertMatch(await commands.run("/why", /instead of/), /\d+\.\d % +" ?Paris|"P"|" P"/);
  await commands.run("/stats", /last answer: +\d+ tokens at [\d.]+ tokens\/s/);
  await commands.run("/tokens", /\[#+\.+\] \d+ of \d+ tokens, \d+ %/);
  await commands.run("/copy", "Copied the last answer (31 characters)");
  assertEquals(await terminal.clipboard(), "The capital of France is Paris.");
  await commands.run("/retry 0", "with temperature 0.");
  await terminal.shows(/with temperature 0\.\n+The capital of France is Paris\.\n+>/);
  await commands.run("/fork 2", "Answer 2 of 2:");
  await terminal.shows("Going on with answer 1 of 2; /keep N chooses another.");
  await commands.run("/keep 2", "Going on with answer 2.");
  await commands.run("/keep 3", "/keep: N must be 1 to 2, not '3'.");
  await commands.run("/undo", "Removed: What is the capital of France?");
  await commands.run("/undo", "There is no question to remove.");
  await commands.run("/clear", "Removed 0 questions.");
});

terminalTest("conversations are saved, resumed, exported, and get files", async () => {
  await using chat = await started();
  const { commands, terminal } = chat;
  const { home } = terminal.machine;
  await commands.run("/sessions", "No conversation is saved");
  await commands.run("My name is Tom.", "Nice to meet you, Tom!");
  await commands.run("/save tom", "Saved 2 messages as 'tom'.");
  await commands.run("/sessions", /^tom /m);
  await commands.run("/clear", "Removed 1 question.");
  await commands.run("/resume absent", "There is no saved conversation 'absent'");
  await commands.run("/resume tom", "Resumed 'tom' with 2 messages.");
  await commands.run("What is my name?", "Your name is Tom.");
  await commands.run("/export chat.md", "Wrote 4 messages to 'chat.md'.");
  assertStringIncludes(await Deno.readTextFile(`${home}/chat.md`), "## User\n\nMy name is Tom.\n");
  await commands.run("/export chat.md", "Cannot write 'chat.md': the file exists.");
  await Deno.writeTextFile(`${home}/facts.txt`, "The sky is green.");
  await Deno.writeFile(`${home}/binary`, new Uint8Array([0, 1, 2]));
  await commands.run("/file binary", "Cannot attach 'binary': it is no text.");
  await commands.run("/file absent", "Cannot attach 'absent'");
  await commands.run("/file facts.txt", "Attached 'facts.txt' (17 characters)");
  await commands.run(
    "/image cat.png",
    "Cannot attach 'cat.png': the model reads no images: it has no projector (mmproj).",
  );
  await commands.run(
    "/audio cry.wav",
    "Cannot attach 'cry.wav': the model reads no audio: it has no projector (mmproj).",
  );
  await terminal.enter("What?");
  await terminal.shows(/> What\?\n[^]+\n>$/);
  await commands.run("/export facts.json", "to 'facts.json'");
  const { messages } = JSON.parse(await Deno.readTextFile(`${home}/facts.json`));
  assertStringIncludes(messages.at(-2).content, "facts.txt:\n```\nThe sky is green.\n```\n\nWhat?");
});

terminalTest("/edit opens the editor with the terminal to itself", async () => {
  const folder = await Deno.makeTempDir();
  const editor = `${folder}/editor`;
  // Reads a line from the terminal, and asks it instead.
  await Deno.writeTextFile(
    editor,
    '#!/bin/sh\necho "editing $(cat "$1")"\nread line\nprintf "%s\\n" "$line" >"$1"\n',
    { mode: 0o755 },
  );
  try {
    await using chat = await started({ EDITOR: editor });
    const { commands, terminal } = chat;
    await commands.run("My name is Tom.", "Nice to meet you, Tom!");
    await commands.run("/edit", "editing My name is Tom.");
    await terminal.enter("What is the capital of France?");
    await terminal.shows("Asking: What is the capital of France?");
    const screen = await terminal.shows("The capital of France is Paris.");
    assert(!screen.includes("Cannot run"));
    await commands.run("/undo", "Removed: What is the capital of France?");
    await commands.run("/undo", "There is no question to remove.");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
