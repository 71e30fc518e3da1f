import { assertEquals, assertThrows } from "@std/assert";
import { GLOBAL_OPTIONS } from "./global_options.ts";
import { flag, integer, number, oneOf, sizeWithin, text, texts } from "./option_kinds.ts";
import { parseOptions, UsageError } from "./options.ts";

const OPTIONS = {
  "amount": integer({ short: "n", min: -5, max: 10, fallback: null, help: "amount" }),
  "color": oneOf(["red", "green"], { fallback: "red", env: "COLOR", help: "a color" }),
  "count": integer({ min: -5, max: 10, fallback: null, env: "COUNT", help: "how many" }),
  "prompt": text("TEXT", { env: "PROMPT", help: "what to say" }),
  "limit": sizeWithin({ min: "1KiB", max: "2MiB", fallback: "1MiB", help: "how much" }),
  "rate": number({ min: 0, max: 1, help: "how often" }),
  "stop": texts("TEXT", { help: "where to end" }),
  "wild": flag({ help: "be wild" }),
} as const;

function parse(args: string[], env: Record<string, string> = {}) {
  return parseOptions(args, OPTIONS, (name) => env[name]);
}

function refused(args: string[], message: string, env: Record<string, string> = {}): void {
  const error = assertThrows(() => parse(args, env), UsageError);
  assertEquals(error.message, message);
}

Deno.test("missing options have their defaults", () => {
  assertEquals(parse([]), {
    values: {
      amount: null,
      color: "red",
      count: null,
      limit: 1 << 20,
      prompt: null,
      rate: null,
      stop: [],
      wild: false,
    },
    positionals: [],
    hints: new Map(),
  });
});

Deno.test("options and operands may come in any order", () => {
  const { values, positionals } = parse([
    "one",
    "--color=green",
    "--wild",
    "two",
    "--stop",
    "a",
    "--stop=--b",
    "--rate",
    "0.25",
    "--",
    "--three",
  ]);
  assertEquals(values.color, "green");
  assertEquals(values.wild, true);
  assertEquals(values.stop, ["a", "--b"]);
  assertEquals(values.rate, 0.25);
  assertEquals(positionals, ["one", "two", "--three"]);
});

Deno.test("a value may begin with a hyphen", () => {
  const { values } = parse(["--prompt", "-", "--count", "-3", "--stop", "--b", "--stop", "-x=y"]);
  assertEquals(values.prompt, "-");
  assertEquals(values.count, -3);
  assertEquals(values.stop, ["--b", "-x=y"]);
});

Deno.test("values and operands stay texts, whatever they look like", () => {
  const { values, positionals } = parse(["7", "", "--prompt", "", "--stop", "a\nb=c", "--stop=5"]);
  assertEquals(positionals, ["7", ""]);
  assertEquals(values.prompt, "");
  assertEquals(values.stop, ["a\nb=c", "5"]);
  // A flag takes no value, not even one that looks like a boolean.
  const flagged = parse(["--wild", "true"]);
  assertEquals([flagged.values.wild, flagged.positionals], [true, ["true"]]);
});

Deno.test("a size is within its bounds", () => {
  assertEquals(parse(["--limit", "1KiB"]).values.limit, 1024);
  assertEquals(parse(["--limit", "2M"]).values.limit, 2 << 20);
  for (const text of ["0", "5", "large", "1KB", "2.1MiB"]) {
    refused(["--limit", text], `--limit: must be a size from 1KiB to 2MiB, not '${text}'`);
  }
});

Deno.test("an option may have a short form", () => {
  assertEquals(parse(["-n", "5"]).values.amount, 5);
  assertEquals(parse(["-n=-5"]).values.amount, -5);
  refused(["-n", "5", "--amount", "6"], "--amount: may be given only once");
  refused(["-n"], "-n: needs a value, N");
  refused(["--prompt", "-n", "5"], "--prompt: needs a value, TEXT");
  refused(["-n", "x"], "--amount: must be a whole number -5 to 10, not 'x'");
});

Deno.test("the environment sets missing options; an empty variable counts as unset", () => {
  assertEquals(parse([], { COLOR: "green", COUNT: "7" }).values.color, "green");
  assertEquals(parse(["--color", "red"], { COLOR: "green" }).values.color, "red");
  assertEquals(parse([], { COLOR: "" }).values.color, "red");
});

Deno.test("a file overrides the environment, and the command line overrides the file", () => {
  const file = { label: "f.json", options: { color: ["green"], wild: ["true"], other: ["1"] } };
  const read = (args: string[], env: Record<string, string> = {}) =>
    parseOptions(args, OPTIONS, (name) => env[name], file).values;
  assertEquals([read([]).color, read([]).wild], ["green", true]);
  assertEquals(read([], { COLOR: "red" }).color, "green");
  assertEquals(read(["--color", "red"], { COLOR: "green" }).color, "red");
  const wrong = { label: "f.json", options: { count: ["x"] } };
  const error = assertThrows(() => parseOptions([], OPTIONS, () => undefined, wrong), UsageError);
  assertEquals(error.message, "f.json: server.count: must be a whole number -5 to 10, not 'x'");
});

Deno.test("unknown options are refused with the nearest name", () => {
  refused(["--colour", "red"], "Unknown option --colour; did you mean --color?");
  refused(["-w"], "Unknown option -w; did you mean --wild?");
  refused(["-x"], "Unknown option -x; --help lists the options");
  refused(["--constructor"], "Unknown option --constructor; --help lists the options");
  refused(["--no-wild=true"], "Unknown option --no-wild; did you mean --wild?");
  refused(["-n5"], "Unknown option -n5; did you mean -n 5?");
});

Deno.test("llama.cpp's option names are answered with Shimmy's", () => {
  for (const name of ["--lora-scaled", "--control-vector", "--control-vector-scaled"]) {
    const error = assertThrows(
      () => parseOptions([name, "a.gguf:1"], GLOBAL_OPTIONS, () => undefined),
      UsageError,
    );
    assertEquals(error.message, `Unknown option ${name}; did you mean --lora?`);
  }
  for (const [name, own] of [["--ctx-size", "--ctx"], ["-ngl", "--gpu-layers"]]) {
    const error = assertThrows(
      () => parseOptions([name!, "9"], GLOBAL_OPTIONS, () => undefined),
      UsageError,
    );
    assertEquals(error.message, `Unknown option ${name}; did you mean ${own}?`);
  }
});

Deno.test("missing, repeated and unwanted values are refused by name", () => {
  refused(["--color"], "--color: needs a value, red|green");
  refused(["--prompt", "--wild"], "--prompt: needs a value, TEXT");
  refused(["--count", "1", "--count", "2"], "--count: may be given only once");
  refused(["--wild=yes"], "--wild: takes no value");
});

Deno.test("invalid values are refused with the source and the valid values", () => {
  refused(["--color", "blue"], "--color: must be one of red, green, not 'blue'");
  refused([], "COLOR: must be one of red, green, not 'blue'", { COLOR: "blue" });
  refused(["--count", "11"], "--count: must be a whole number -5 to 10, not '11'");
  refused(["--count", "1.5"], "--count: must be a whole number -5 to 10, not '1.5'");
  refused(["--count", "1e1"], "--count: must be a whole number -5 to 10, not '1e1'");
  refused(["--count="], "--count: must be a whole number -5 to 10, not ''");
  refused(["--rate", "1.01"], "--rate: must be a number from 0 to 1, not '1.01'");
  refused(["--rate", "often"], "--rate: must be a number from 0 to 1, not 'often'");
  refused(["--rate="], "--rate: must be a number from 0 to 1, not ''");
});

Deno.test("an option with a bare form may be given without a value", () => {
  const options = {
    near: { ...text("ADDR", { help: "" }), bare: "auto" },
    far: flag({ help: "" }),
  };
  const valueOf = (args: string[]) => parseOptions(args, options, () => undefined).values.near;
  assertEquals(valueOf([]), null);
  assertEquals(valueOf(["--near"]), "auto");
  assertEquals(valueOf(["--near", "--far"]), "auto");
  assertEquals(valueOf(["--near", "1.2.3.4"]), "1.2.3.4");
  assertEquals(valueOf(["--near=1.2.3.4", "--far"]), "1.2.3.4");
});

Deno.test("an option with words takes only these as its value", () => {
  const options = { "kv-unified": GLOBAL_OPTIONS["kv-unified"] };
  const parsed = (...args: string[]) => parseOptions(args, options, () => undefined);
  assertEquals(parsed().values["kv-unified"], "auto");
  assertEquals(parsed("--kv-unified", "off").values["kv-unified"], "off");
  const { values, positionals } = parsed("--kv-unified", "Hello");
  assertEquals([values["kv-unified"], positionals], ["on", ["Hello"]]);
  assertThrows(() => parsed("--kv-unified=maybe"), UsageError, "--kv-unified: must be one of");
});

Deno.test("a flag whose name begins with no- is that flag, not a negation", () => {
  const options = { "no-ui": flag({ help: "no page" }), "ui": flag({ help: "page" }) } as const;
  const given = (args: string[]) => parseOptions(args, options, () => undefined).values;
  assertEquals(given(["--no-ui"]), { "no-ui": true, "ui": false });
  assertEquals(given(["--ui"]), { "no-ui": false, "ui": true });
});
