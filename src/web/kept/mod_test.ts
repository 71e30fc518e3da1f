import { assertEquals } from "@std/assert";
import { keepsTexts, keepText, keptText } from "./mod.ts";

/** Replaces the store of texts that are always kept. */
function withStore(get: () => Storage, use: () => void): void {
  const before = Object.getOwnPropertyDescriptor(globalThis, "localStorage")!;
  Object.defineProperty(globalThis, "localStorage", { get, configurable: true });
  try {
    use();
  } finally {
    Object.defineProperty(globalThis, "localStorage", before);
  }
}

Deno.test("a text is kept and removed", () => {
  const texts = new Map<string, string>();
  const store = {
    getItem: (name: string) => texts.get(name) ?? null,
    setItem: (name: string, text: string) => void texts.set(name, text),
    removeItem: (name: string) => void texts.delete(name),
  } as unknown as Storage;
  withStore(() => store, () => {
    assertEquals([keepText("always", "a", "one"), keptText("always", "a")], [true, "one"]);
    assertEquals([keepText("always", "a", null), keptText("always", "a")], [true, null]);
    assertEquals([keepsTexts(), texts.size], [true, 0]);
  });
});

Deno.test("a browser that keeps nothing, or is full, fails nothing", () => {
  const blocked = () => {
    throw new DOMException("Access is denied", "SecurityError");
  };
  withStore(blocked, () => {
    assertEquals([keepText("always", "a", "one"), keptText("always", "a")], [false, null]);
    assertEquals([keepText("always", "a", null), keepsTexts()], [false, false]);
  });
  const full = {
    getItem: () => null,
    setItem: () => {
      throw new DOMException("Full", "QuotaExceededError");
    },
  } as unknown as Storage;
  withStore(() => full, () => assertEquals(keepText("always", "a", "one"), false));
});
