/** How answers look and go on, in a real terminal. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Machine, Server } from "../cli/machine.ts";
import { answering } from "./answering.ts";
import { Terminal, terminalTest } from "./tmux.ts";

terminalTest(
  "a conversation that outgrows the context loses its oldest turns, told once",
  async () => {
    await using terminal = await Terminal.start([
      ...["chat", "--temperature", "0", "--ctx", "128", "--system", "Be brief."],
    ]);
    await terminal.shows(/^>/m);
    for (let turn = 1; turn <= 8; turn++) {
      await terminal.enter("My name is Tom.");
      await terminal.shows(new RegExp(`(?:My name is Tom\\.\\n[^]*?){${turn}}\\n>$`));
    }
    const screen = await terminal.screen();
    const told = screen.split("longer than the context of 128 tokens").length - 1;
    assertEquals(told, 1, screen);
    assert(!screen.includes("the context holds"), screen);
    await terminal.enter("/show system");
    await terminal.shows(/^Be brief\.$/m);
  },
);

terminalTest(
  "Markdown has attributes in a terminal with colours, and none with NO_COLOR",
  async () => {
    await using server = answering("# Title\n**bold** `code`\n");
    const args = ["chat", "--host", server.address];
    {
      await using terminal = await Terminal.start(args, { env: { NO_COLOR: "" } });
      await terminal.shows(/^>/m);
      await terminal.enter("Hi");
      await terminal.shows(/bold code\n+>$/);
      const screen = await terminal.screen(true);
      // deno-lint-ignore no-control-regex
      assertMatch(screen, /\x1b\[1mTitle/);
      assert(!screen.includes("**"), screen);
    }
    await using terminal = await Terminal.start(args);
    await terminal.shows(/^>/m);
    await terminal.enter("Hi");
    await terminal.shows("**bold** `code`");
  },
);

terminalTest("reasoning is dim, or folded into one line", async () => {
  await using server = answering("The answer.", "Some thoughts.");
  await using terminal = await Terminal.start(["chat", "--host", server.address], {
    env: { NO_COLOR: "" },
  });
  await terminal.shows(/^>/m);
  await terminal.enter("Hi");
  const shown = await terminal.shows("The answer.", true);
  // deno-lint-ignore no-control-regex
  assertMatch(shown, /\x1b\[2mSome thoughts\./);
  await terminal.enter("/set think fold");
  await terminal.shows("Reasoning is folded into one line.");
  await terminal.enter("Again");
  const folded = await terminal.shows(/▸ Reasoned for [\d.]+ s/);
  assertEquals(folded.split("Some thoughts.").length - 1, 1);
  await terminal.enter("/show reasoning");
  await terminal.shows(/\/show reasoning\nSome thoughts\./);
});

terminalTest("chat attaches to a running server, and --local does not", async () => {
  await using machine = await Machine.start();
  await using server = await Server.start(machine);
  const env = { SHIMMY_HOST: server.address };
  {
    await using terminal = await Terminal.start(["chat", "--temperature", "0", "--verbose"], {
      machine,
      env,
    });
    await terminal.shows(`The server at http://${server.address} answers`);
    await terminal.shows(/^>/m);
    await terminal.enter("What is the capital of France?");
    await terminal.shows("The capital of France is Paris.");
    await terminal.shows(/\d+ tokens at [\d.]+ tokens\/s; prompt of \d+ tokens/);
    await terminal.enter("/why");
    await terminal.shows("instead of");
    await terminal.enter("/model");
    await terminal.shows(`The model is shimmy-tiny, at http://${server.address}.`);
    await terminal.enter("/tokens");
    await terminal.shows(/\d+ of \d+ tokens/);
  }
  await using local = await Terminal.start(["chat", "--local"], { machine, env });
  await local.shows(/^>/m);
  await local.enter("/model");
  await local.shows("The model is shimmy-tiny, in this process.");
});

terminalTest("loading shows a spinner with the share that is read", async () => {
  await using server = answering("Hi", "", { isLoading: true });
  await using terminal = await Terminal.start(["chat", "double", "--host", server.address]);
  await terminal.shows(/[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏] Loading double \d+ %/);
  server.finishLoading();
  const screen = await terminal.shows(/^>/m);
  assertStringIncludes(screen, "double. /help shows the commands");
});
