import { assertThrows } from "@std/assert";
import { EngineDouble } from "../../../tests/doubles/engine.ts";
import { chatInput } from "../../../tests/support/chat_request.ts";
import { ShimmyError } from "../../errors.ts";
import { RefusedTemplates } from "./refused_templates.ts";

const ERROR = { kind: "invalid", message: "messages: too many steps", field: "messages" } as const;

const input = chatInput();
const withTools = chatInput({ tools: [{ name: "f", parameters: {} }] });

function modelWith(chatTemplate: string | null, toolTemplate: string | null = null) {
  return new EngineDouble({ info: { chatTemplate, toolTemplate } }).info;
}

function assertRefused(refused: RefusedTemplates, template: string): void {
  assertThrows(() => refused.check(modelWith(template), input), ShimmyError, ERROR.message);
}

Deno.test("a refused template is refused by its content, for ten minutes", () => {
  let now = 0;
  const refused = new RefusedTemplates(() => now);
  refused.check(modelWith("bad"), input);
  refused.add("bad", ERROR);
  assertRefused(refused, "bad");
  refused.check(modelWith("good"), input);
  refused.check(modelWith(null), input);
  refused.check(modelWith("bad"), { type: "text", text: "Hi" });
  now = 10 * 60_000;
  refused.check(modelWith("bad"), input);
});

Deno.test("a template for tools is refused only where it is used", () => {
  const refused = new RefusedTemplates(() => 0);
  refused.add("bad", ERROR);
  const model = modelWith("good", "bad");
  refused.check(model, input);
  refused.check(model, { ...withTools, toolChoice: { type: "none" } });
  assertThrows(() => refused.check(model, withTools), ShimmyError, ERROR.message);
});

Deno.test("the number of refused templates is bounded, and the latest stay", () => {
  const refused = new RefusedTemplates(() => 0);
  for (let index = 0; index < 40; index++) refused.add(`bad ${index}`, ERROR);
  refused.check(modelWith("bad 0"), input);
  assertRefused(refused, "bad 39");
});
