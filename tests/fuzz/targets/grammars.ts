import * as fc from "test:fast-check";
import { editText, type TextEdit, textEdits } from "../mutation/text_edits.ts";
import type { Problem } from "../support/problem.ts";
import { ServerRunner } from "../support/server_runner.ts";
import { generate, record, startTinyServer } from "../support/tiny_server.ts";
import type { Target } from "../target.ts";

/** A GBNF grammar as changes of a simple one. */
interface GrammarCase {
  readonly base: number;
  readonly edits: readonly TextEdit[];
}

const BASES = [
  'root ::= "a" | "b" root',
  'root ::= word ("," ws word)*\nword ::= [a-z]+\nws ::= " "?',
  'root ::= "{" (pair ("," pair)*)? "}"\npair ::= string ":" value\nvalue ::= string | root\n' +
  'string ::= "\\"" [^"\\\\\\x00-\\x1F]{0,20} "\\""\n',
  "root ::= .{1,20} | (\n  [0-9]+ # digits\n  | <[1]> !<[2]>*\n)",
  'root ::= a{2,8} b? c+\na ::= [^a-z] | "\\u00e9"\nb ::= ("x" | "y"?){3}\nc ::= a | b a',
];

const WORDS = [
  ...["::=", "|", "*", "+", "?", "(", ")", "[", "]", "[^", "-", '"', "\\", "\n", "\r\n", "#", " "],
  ...["root", "a", "b", "c", "word", "nothing", ".", "{0}", "{,}", "{1,}", "{2,1}", "{9999}"],
  ...["{2000}", "{0,2000}", "{99999999999999999999}", "<[1]>", "!<[0]>", "<[99999]>", "<think>"],
  ...["\\x00", "\\xff", "\\uD800", "\\U0010FFFF", "\\UFFFFFFFF", '""', '"x"?', "[]", "[^]"],
  ...['root ::= root | "a"\n', "x ::= x? x? x?\n", '(("a"?)*)*', '("a" | "a"?)+', "\u0000"],
];

/** GBNF grammars, as the constraint of an answer. */
export const grammars: Target = {
  name: "grammars",
  open: async () => new GrammarRunner(await startTinyServer()),
};

class GrammarRunner extends ServerRunner<GrammarCase> {
  readonly cases = record<GrammarCase>({
    base: fc.nat(BASES.length - 1),
    edits: textEdits(WORDS, 8),
  });

  async run({ base, edits }: GrammarCase): Promise<Problem | null> {
    const grammar = editText(BASES[base]!, edits);
    const body = { prompt: "Hi", max_tokens: 12, temperature: 1, seed: 1, grammar };
    return await generate(this.server, body);
  }
}
