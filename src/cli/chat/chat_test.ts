/** The chat without a terminal: its commands and the context. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import {
  EnvironmentDouble,
  type EnvironmentDoubleOptions,
} from "../../../tests/doubles/environment.ts";
import { KeyboardDouble } from "../../../tests/doubles/keyboard.ts";
import { entryDouble } from "../../../tests/doubles/pool.ts";
import { pattern, png } from "../../../tests/support/pictures.ts";
import { ShimmyError } from "../../errors.ts";
import { chatFolder } from "../config/mod.ts";
import { main } from "../main.ts";

interface ChatOptions extends EnvironmentDoubleOptions {
  /** Further arguments of the command. */
  readonly arguments?: readonly string[];
}

/** Runs a chat with lines on stdin, in a home folder of its own. */
async function chat(
  lines: readonly string[],
  { arguments: given = [], ...options }: ChatOptions = {},
) {
  const folder = await Deno.makeTempDir();
  try {
    // The configuration folder of each system.
    const env = { HOME: folder, XDG_CONFIG_HOME: folder, APPDATA: folder, ...options.env };
    const environment = new EnvironmentDouble({ lines, ...options, env });
    const status = await main(["chat", "m", ...given], environment);
    return { status, environment, said: environment.notes.join("\n"), folder };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function promptOf({ engine }: EnvironmentDouble, index: number): string {
  return engine.requests[index]!.prompt.map((part) => "text" in part ? part.text : "").join("");
}

Deno.test("each command confirms what it did", async () => {
  const { said, status } = await chat([
    "/set system Be brief",
    "/show system",
    "/set parameter top_p 0.5",
    "/set parameter num_predict 7",
    "/set parameter top_p 2",
    "/set parameter colour red",
    "/show parameters",
    "/set parameter top_p",
    "/set think off",
    "/set verbose on",
    "/set format json",
    "/set format xml",
    "/set nowordwrap",
    "/set history off",
    "/show nothing",
    "/bye",
    "never read",
  ]);
  assertEquals(status, 0);
  for (
    const line of [
      "Set the system message.",
      "Be brief",
      "Set top_p to 0.5.",
      "Set num_predict to 7.",
      "top_p: must be a number from 0 to 1, not '2'",
      "/set parameter: NAME must be one of max_tokens, temperature, ",
      "Of this chat:\nmax_tokens 7\ntop_p 0.5",
      "top_p is the model's own.",
      "The model does not reason.",
      "Tokens and rates are shown after each answer.",
      "Answers are JSON objects.",
      "/set format: must be one of json, text, not 'xml'",
      "Lines are not broken.",
      "Messages are not kept in the history.",
      "/show: NAME must be one of info, template, ",
    ]
  ) assertStringIncludes(said, line);
});

Deno.test("settings reach the request", async () => {
  const { environment } = await chat([
    "/set parameter temperature 0.25",
    "/set parameter num_predict 7",
    "/set parameter stop END",
    "/set format json",
    "/set think off",
    "Hi",
    "/retry 0.5",
    "Again",
  ]);
  const [first, retried, again] = environment.engine.requests;
  assertEquals([first!.sampling.temperature, first!.maxTokens], [0.25, 7]);
  assert(first!.stop.includes("END"));
  assert(first!.grammar !== undefined);
  assertEquals(first!.reasoning?.tokens, 0);
  // The temperature of /retry is for one answer.
  assertEquals([retried!.sampling.temperature, again!.sampling.temperature], [0.5, 0.25]);
  assertEquals(promptOf(environment, 1), promptOf(environment, 0));
});

Deno.test("undo, fork and keep change the conversation", async () => {
  const texts = ["one", "two", "three", "four"];
  const { environment, said } = await chat(
    ["first", "/fork 3", "/keep 2", "second", "/undo", "third", "/fork 1", "/keep 9"],
    { engine: { script: (_, index) => ({ tokens: [texts[index] ?? "five"] }) } },
  );
  assertStringIncludes(said, "Going on with answer 1 of 3; /keep N chooses another.");
  assertStringIncludes(said, "Going on with answer 2.");
  const last = promptOf(environment, environment.engine.requests.length - 1);
  assertMatch(last, /first[^]*three[^]*third/);
  assert(!last.includes("second"), last);
  assertStringIncludes(said, "/fork: N must be a whole number 2 to 16, not '1'.");
  assertStringIncludes(said, "There are no answers; /fork N computes them.");
});

Deno.test("/fork computes its answers at once, and shows them one below the other", async () => {
  let requests = 0;
  let begun = 0;
  const all = Promise.withResolvers<void>();
  const { environment, said, status } = await chat(["/set parameter seed 5", "first", "/fork 3"], {
    engine: {
      script(_, index) {
        requests++;
        return { tokens: [`a${index}`, `b${index}`] };
      },
      // No answer of the fork ends before all have begun.
      beforeToken(at) {
        if (requests < 2) return;
        if (at === 0 && ++begun === 3) all.resolve();
        return at === 0 ? undefined : all.promise;
      },
    },
  });
  assertEquals(status, 0, said);
  assertEquals(environment.out, "a0b0\na1b1\na2b2\na3b3\n");
  assertMatch(said, /Answer 1 of 3:[^]*Answer 2 of 3:[^]*Answer 3 of 3:/);
  const [, ...forks] = environment.engine.requests;
  assertEquals(forks.map(({ sampling }) => sampling.seed), [5, 6, 7]);
});

Deno.test("/fork whose answers fail keeps the answer before", async () => {
  const { environment, said } = await chat(["first", "/fork 2", "second"], {
    engine: {
      script: (_, index) =>
        index === 1
          ? { tokens: [], error: new ShimmyError("invalid", "no answer") }
          : { tokens: [`answer${index}`] },
    },
  });
  assertStringIncludes(said, "no answer");
  const last = promptOf(environment, environment.engine.requests.length - 1);
  assertMatch(last, /first[^]*answer0[^]*second/);
});

Deno.test("the model of a chat has several sequences in the memory of one context", async () => {
  const { environment } = await chat(["Hi"]);
  assertEquals(
    environment.requests.map(({ parallel, sharesOneContext }) => [
      parallel,
      sharesOneContext,
    ]),
    [[4, true]],
  );
});

/** An engine whose answers are these texts; null: it refuses the request. */
function scripted(texts: readonly (string | null)[]): EnvironmentDoubleOptions {
  const script = (_: unknown, index: number) => {
    const text = texts[index] ?? null;
    return text === null
      ? { tokens: [], error: new ShimmyError("invalid", "refused") }
      : { tokens: [text] };
  };
  return { engine: { script } };
}

Deno.test("an answer that fails leaves the conversation and attached files as they were", async () => {
  for (const command of ["/retry", "/fork 2"]) {
    const { environment, said } = await chat(
      ["first", command, "second"],
      scripted(["one", null, "two", "three"]),
    );
    assertStringIncludes(said, "refused");
    const last = promptOf(environment, environment.engine.requests.length - 1);
    assertMatch(last, /first[^]*one[^]*second/, command);
  }
  const file = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(file, "attached text");
    const { environment } = await chat(
      [`/file ${file}`, "fails", "again"],
      scripted([null, "one"]),
    );
    const prompt = promptOf(environment, 1);
    assertMatch(prompt, /attached text[^]*again/);
    assert(!prompt.includes("fails"), prompt);
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("/keep has no answers of another question or conversation", async () => {
  const { environment, said } = await chat(
    ["first", "/fork 2", "/system Be brief", "/keep 2", "second", "/why"],
    scripted(["one", "two", "three", "four"]),
  );
  assertStringIncludes(said, "There are no answers; /fork N computes them.");
  const last = promptOf(environment, 3);
  assertMatch(last, /Be brief[^]*second/);
  assert(!/one|two|three/.test(last), last);
});

Deno.test("a system message can have several lines", async () => {
  const { environment, said } = await chat([
    '/set system """Be brief.',
    "",
    'Be kind."""',
    "/show system",
    "/set system",
    '/system """one',
    'two"""',
    "Hi",
  ]);
  assertStringIncludes(said, "Set the system message.\nBe brief.\n\nBe kind.\nRemoved");
  assertStringIncludes(promptOf(environment, 0), "one\ntwo");
  assertEquals(environment.engine.requests.length, 1);
});

Deno.test("/retry takes no infinite temperature", async () => {
  const { said } = await chat(["first", "/retry Infinity"]);
  assertStringIncludes(said, "/retry: TEMPERATURE must be a number of at least 0, not 'Infinity'.");
});

Deno.test("/copy writes no sequence of a terminal into a pipe", async () => {
  const { environment, said } = await chat(["first", "/copy"]);
  assertStringIncludes(said, "Cannot copy: there is no clipboard and no terminal.");
  assertEquals(environment.out, "Hello world\n");
});

Deno.test("a damaged saved conversation does not end the chat", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const env = { HOME: folder, XDG_CONFIG_HOME: folder, APPDATA: folder };
    const environment = new EnvironmentDouble({
      lines: ["/save good", "/resume broken", "/sessions", "/resume folder", "Hi"],
      env,
    });
    const own = chatFolder({ env: environment.env, os: Deno.build.os });
    await Deno.mkdir(`${own}/conversations/folder.json`, { recursive: true });
    await Deno.writeTextFile(`${own}/conversations/broken.json`, "{");
    assertEquals(await main(["chat", "m"], environment), 0);
    const said = environment.notes.join("\n");
    assertStringIncludes(said, "Cannot resume 'broken': its file is no conversation");
    assertStringIncludes(said, "Cannot resume 'folder': ");
    assertEquals(environment.out, "Hello world\n");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a saved conversation goes on, and with another model too", async () => {
  const { environment, said } = await chat(
    [
      "first",
      "/save one",
      "/clear",
      "/resume one",
      "/load other",
      "second",
      "/load absent",
      "third",
    ],
    { models: [entryDouble("m"), entryDouble("other")] },
  );
  assertStringIncludes(said, "Saved 2 messages as 'one'.");
  assertStringIncludes(said, "Resumed 'one' with 2 messages.");
  assertStringIncludes(said, "Going on with other; the conversation stays.");
  assertStringIncludes(said, "Model 'absent' not found");
  assertEquals(environment.loaded.map(({ name }) => name), ["m", "other"]);
  assertMatch(promptOf(environment, 2), /first[^]*Hello world[^]*second[^]*third/);
});

Deno.test("an answer that fills the context goes on without the oldest turns", async () => {
  const { environment, said } = await chat(["a".repeat(300), "b".repeat(300), "/show system"], {
    engine: {
      script: (_, index) => index === 1 ? { tokens: ["x"], endless: true } : { tokens: ["done"] },
    },
  });
  const { requests } = environment.engine;
  assertEquals(requests.length, 3);
  assert(promptOf(environment, 1).includes("aaa"));
  // The answer is continued, and its first part is in the prompt.
  assertMatch(promptOf(environment, 2), /^(?!.*aaa)[^]*bbb[^]*x{20}$/);
  assertMatch(environment.out, /\nx+done\n$/);
  assertEquals(said.split("longer than the context of 1024 tokens").length, 2);
});

Deno.test("a full context without anything to leave out is reported", async () => {
  const { said } = await chat(["a".repeat(300)], {
    engine: { script: () => ({ tokens: ["x"], endless: true }) },
  });
  assertStringIncludes(said, "The context of 1024 tokens is full, so that the answer ends here.");
});

Deno.test("a limit of tokens is no full context", async () => {
  const { environment, said } = await chat(["/set parameter num_predict 3", "Hi"], {
    engine: { script: () => ({ tokens: ["x"], endless: true }) },
  });
  assertEquals(environment.out, "xxx\n");
  assert(!said.includes("is full"), said);
});

Deno.test("a model without a chat template is named once", async () => {
  const plain = await chat(["Hi", "Hi"]);
  assertEquals(plain.said.split("m has no chat template").length, 2);
  const own = await chat(["Hi"], {
    engine: { info: { chatTemplate: "{{ messages[0].content }}" } },
  });
  assert(!own.said.includes("no chat template"));
});

Deno.test("at a terminal, /why, /tokens, /stats and the rate line tell about the answer", async () => {
  const keyboard = new KeyboardDouble();
  keyboard.type("/set verbose\rHi\r/why\r/tokens\r/stats\r/copy\r/image cat.png\r\x04");
  const { environment, said, status } = await chat([], { keyboard, env: { NO_COLOR: "1" } });
  assertEquals(status, 0);
  assertEquals(environment.engine.requests[0]!.logprobs, 4);
  assertMatch(said, /60\.7 % {2}"Hello"\n 60\.7 % {2}" world"/);
  assertMatch(said, /\[#*\.+\] \d+ of 1024 tokens, \d+ %/);
  assertMatch(said, /2 tokens at 6\.0 tokens\/s; prompt of \d+ tokens at 5\.0 tokens\/s/);
  assertMatch(said, /last answer: +2 tokens/);
  assertStringIncludes(said, "Copied the last answer (11 characters) through the terminal");
  assertStringIncludes(environment.out, "\x1b]52;c;SGVsbG8gd29ybGQ=\x07");
  assertStringIncludes(said, "Cannot attach 'cat.png': the model reads no images");
});

/** A model that reads images. */
const SEES = { info: { media: { vision: true, audio: false, refusal: null } } };

/** The images in the prompt of a request. */
function imagesOf({ engine }: EnvironmentDouble, index: number): readonly Uint8Array[] {
  return engine.requests[index]!.prompt.flatMap((part) =>
    "media" in part ? [part.media.bytes] : []
  );
}

Deno.test("images are attached by /image and --image, and stay in the conversation", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const [first, second] = [png(30, 20, pattern(1)), png(30, 20, pattern(2))];
    await Deno.writeFile(`${folder}/first.png`, first);
    await Deno.writeFile(`${folder}/second one.png`, second);
    await Deno.writeTextFile(`${folder}/text.png`, "no image");
    const { environment, said, status } = await chat(
      [
        `/image ${folder}/absent.png`,
        `/image ${folder}`,
        `/image ${folder}/text.png`,
        `/image '${folder}/second one.png'`,
        "What are these?",
        "/retry",
        "/save seen",
        "/clear",
        "/resume seen",
        "And now?",
        "/undo",
        "/undo",
        "Without",
      ],
      { engine: SEES, arguments: ["--image", `${folder}/first.png`] },
    );
    assertEquals(status, 0, said);
    assertStringIncludes(said, `Cannot attach '${folder}/absent.png': `);
    assertStringIncludes(said, `Cannot attach '${folder}': it is a folder.`);
    assertStringIncludes(said, "text.png': the image is not a PNG, JPEG, WebP, GIF or BMP file.");
    assertStringIncludes(said, "second one.png' (PNG, 30 x 20 pixels) to the next question.");
    assertStringIncludes(said, "Removed: What are these? (with 2 images)");
    for (const index of [0, 1, 2]) assertEquals(imagesOf(environment, index), [first, second]);
    assertEquals(imagesOf(environment, 3), []);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a model that reads no images says so, before the first question and after /load", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const path = `${folder}/cat.png`;
    await Deno.writeFile(path, png(30, 20, pattern(1)));
    const blind = await chat(["Hi"], { arguments: ["--image", path] });
    assertEquals(blind.status, 1);
    assertStringIncludes(blind.said, "--image: the model reads no images: it has no projector");
    const missing = await chat(["Hi"], { engine: SEES, arguments: ["--image", `${path}x`] });
    assertEquals(missing.status, 2);
    assertStringIncludes(missing.said, `--image: cannot read '${path}x': `);
    const refusal = "The model reads images only with libmtmd";
    const info = { media: { vision: false, audio: false, refusal } };
    const { said } = await chat([`/image ${path}`], { engine: { info } });
    assertStringIncludes(said, `Cannot attach '${path}': ${refusal}.`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a question that is stopped before its answer begins is removed, and the user is told", async () => {
  // The first token of the question, and that of the fork after an answer of two tokens.
  for (const [typed, stoppedAt] of [["stopped\r", 1], ["first\r/fork 2\r", 3]] as const) {
    const keyboard = new KeyboardDouble();
    let tokens = 0;
    keyboard.type(typed);
    const { environment, said } = await chat([], {
      keyboard,
      env: { NO_COLOR: "1" },
      engine: {
        beforeToken() {
          if (++tokens < stoppedAt || tokens > stoppedAt + 1) return;
          if (tokens === stoppedAt) {
            keyboard.type("\x03");
            keyboard.type("next\r\x04");
          }
          // The key is read first.
          return new Promise((resolve) => setTimeout(resolve, 0));
        },
      },
    });
    assertStringIncludes(
      said,
      "Stopped before the answer began; the conversation is as it was before.",
    );
    const last = promptOf(environment, environment.engine.requests.length - 1);
    assert(last.includes("next") && !last.includes("stopped"), last);
    if (stoppedAt > 1) assertMatch(last, /first[^]*Hello world[^]*next/);
  }
});
