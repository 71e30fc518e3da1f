/** Runs a test with a store of texts in the place of the browser's. Texts above `most` do not fit. */
export function withTexts(texts: Map<string, string>, most: number, use: () => void): void {
  const store = {
    getItem: (name: string) => texts.get(name) ?? null,
    setItem(name: string, text: string) {
      if (text.length > most) throw new DOMException("full", "QuotaExceededError");
      texts.set(name, text);
    },
    removeItem: (name: string) => void texts.delete(name),
  };
  const before = Object.getOwnPropertyDescriptor(globalThis, "localStorage")!;
  Object.defineProperty(globalThis, "localStorage", { value: store, configurable: true });
  try {
    use();
  } finally {
    Object.defineProperty(globalThis, "localStorage", before);
  }
}
