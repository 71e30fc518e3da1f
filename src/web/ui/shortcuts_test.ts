import { assert, assertEquals } from "@std/assert";
import { keyLabel, matches } from "./shortcuts.ts";

const press = (key: string, held: string[] = [], code = "") => ({
  key,
  code,
  ctrlKey: held.includes("ctrl"),
  metaKey: held.includes("meta"),
  altKey: held.includes("alt"),
  shiftKey: held.includes("shift"),
});

Deno.test("Mod is Ctrl or Cmd", () => {
  assert(matches("Mod+Enter", press("Enter", ["ctrl"])));
  assert(matches("Mod+Enter", press("Enter", ["meta"])));
  assert(!matches("Mod+Enter", press("Enter")));
  assert(!matches("Enter", press("Enter", ["ctrl"])));
  assert(!matches("Mod+Enter", press("Enter", ["ctrl", "alt"])));
});

Deno.test("letters ignore case, and Shift counts for keys with a name", () => {
  assert(matches("Mod+Shift+O", press("O", ["ctrl", "shift"])));
  assert(!matches("Mod+O", press("O", ["ctrl", "shift"])));
  assert(!matches("ArrowLeft", press("ArrowLeft", ["shift"])));
});

Deno.test("Alt with a letter is the key of the letter, whatever character it gives", () => {
  assert(matches("Alt+P", press("p", ["alt"])));
  assert(matches("Alt+P", press("π", ["alt"], "KeyP")));
  assert(!matches("Alt+P", press("π", ["alt"], "KeyO")));
});

Deno.test("a character matches with and without Shift", () => {
  assert(matches("?", press("?", ["shift"])));
  assert(matches("/", press("/")));
  assert(matches("Mod++", press("+", ["ctrl"])));
});

Deno.test("the label names the keys of the machine", () => {
  assertEquals(keyLabel("Mod+Enter", false), "Ctrl+Enter");
  assertEquals(keyLabel("Mod+Enter", true), "⌘+Enter");
  assertEquals(keyLabel("Alt+ArrowLeft", false), "Alt+←");
});
