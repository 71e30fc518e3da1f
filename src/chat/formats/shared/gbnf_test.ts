import { assertEquals } from "@std/assert";
import { anyTextUntil, GrammarRules, membersRule, quoted, type RuleBuilder } from "./gbnf.ts";

/** A builder with the same rule for every schema. */
class Builder implements RuleBuilder {
  readonly lines: string[] = [];
  addSchema() {
    return "json";
  }
  addRelaxedSchema() {
    return "json";
  }
  addPattern(): string {
    return "";
  }
  addText(): string {
    return "text";
  }
  readonly notices: readonly string[] = [];
  addJsonValue() {
    return "value";
  }
  addJsonObject() {
    return "object";
  }
  addRule(name: string, body: string) {
    this.lines.push(`${name} ::= ${body}`);
  }
  toString() {
    return this.lines.join("\n");
  }
}

Deno.test("text becomes a literal", () => {
  assertEquals(quoted('say "hi"\n\\'), '"say \\"hi\\"\\n\\\\"');
});

Deno.test("the rules for any text up to a stop follow partial matches", () => {
  assertEquals(anyTextUntil("any", "aab"), [
    ["any", '[^a] any | "a" any-1 | ""'],
    ["any-1", '[^a] any | "a" any-2 | ""'],
    ["any-2", '[^ab] any | "a" any-2 | ""'],
  ]);
  assertEquals(anyTextUntil("x", "]"), [["x", '[^\\]] x | ""']]);
});

Deno.test("optional members may be omitted with their commas", () => {
  const member = (rule: string, required: boolean) => ({ rule, required });
  assertEquals(membersRule([]), "");
  assertEquals(
    membersRule([member("a", false), member("b", true), member("c", false)]).replace(/ +/g, " "),
    '( a "," b ( "," c )? | b ( "," c )? )',
  );
  assertEquals(
    membersRule([member("a", false), member("b", false)], ", ").replace(/ +/g, " "),
    '( a ( ", " b )? | ( b )? )',
  );
});

Deno.test("rules for text up to the same stop are shared", () => {
  const rules = new GrammarRules(new Builder());
  assertEquals(rules.until("]"), rules.until("]"));
  assertEquals(rules.print(rules.until("]")).match(/::=/g)?.length, 2);
});

Deno.test("an embedded grammar has unique rule names", () => {
  const rules = new GrammarRules(new Builder());
  const part = rules.embed(
    'root ::= "root # ::=" [root] item{2,3} # root ::= x\n  | item\nitem ::= root-2 | <[12]>\n' +
      "root-2 ::= [^\\]]",
  );
  assertEquals(
    rules.print(part).split("\n").map((line) => line.trim()),
    [
      'chat-part-0-root ::= "root # ::=" [root] chat-part-0-item{2,3}',
      "| chat-part-0-item",
      "chat-part-0-item ::= chat-part-0-root-2 | <[12]>",
      "chat-part-0-root-2 ::= [^\\]]",
      "root ::= chat-part-0-root",
    ],
  );
});
