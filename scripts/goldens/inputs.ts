/** A text of the golden facts; `times` repeats it, to keep long texts short in the file. */
export interface GoldenText {
  readonly name: string;
  readonly text: string;
  readonly times?: number;
}

/** The text itself. */
export function expandText({ text, times = 1 }: GoldenText): string {
  return text.repeat(times);
}

/** Texts that tokenizers get wrong. */
export const AWKWARD_TEXTS: readonly GoldenText[] = [
  { name: "empty", text: "" },
  { name: "one space", text: " " },
  { name: "a run of spaces", text: "a        b" },
  { name: "tabs, newlines and carriage returns", text: "\t\ta\r\nb\n\n\n c \r d\t" },
  { name: "spaces at both ends", text: "  hello  " },
  { name: "unicode spaces", text: "a\u00a0b\u2003c\u3000d\u200be\ufeff" },
  { name: "control characters", text: "\u0001\u0007\u001b[31mred\u001b[0m\u007f" },
  { name: "emoji", text: "🦊🔥 good 👍" },
  { name: "emoji with joiners and skin tones", text: "👩‍👩‍👧‍👦 👍🏽 🏳️‍🌈 🇫🇷" },
  { name: "Chinese", text: "今天天气很好，我们去公园吧。" },
  { name: "Japanese", text: "こんにちは、世界！カタカナと漢字" },
  { name: "Korean", text: "안녕하세요 세계" },
  { name: "Korean in letters", text: "안녕" },
  { name: "Arabic", text: "مرحبا بالعالم ١٢٣" },
  { name: "Hebrew with vowels", text: "שָׁלוֹם עוֹלָם" },
  { name: "both directions", text: "abc \u202eשלום\u202c def" },
  { name: "Thai", text: "สวัสดีชาวโลก" },
  { name: "Devanagari", text: "नमस्ते दुनिया" },
  { name: "combining marks", text: "e\u0301 \u00e9 Z\u0351\u036b\u0343a\u0323\u0308lgo" },
  { name: "not normalized", text: "\u212b \u00c5 A\u030a \ufb01ne" },
  { name: "German and Turkish", text: "Straße İstanbul ıI ǅ" },
  { name: "contractions", text: "I'm you're we'll he'd THEY'VE it's don’t" },
  { name: "numbers", text: "1 12 123 1234567890 3.14159 1e-9 0xFF ½ ² ①" },
  { name: "code", text: 'for (let i = 0; i < n; i++) {\n\treturn `${a[i]}` ?? "x";\n}\n' },
  { name: "indented code", text: "def f(x):\n    if x:\n        return x ** 2\n" },
  { name: "JSON", text: '{"name":"get_weather","arguments":{"city":"Paris"}}' },
  { name: "address", text: "https://example.com/a%20b?c=d&e=f#g" },
  { name: "punctuation", text: "!!!???...,,,;;;---___***///\\\\\\((([[[{{{" },
  { name: "control tokens", text: "<|im_start|>user\nHello<|im_end|>\n<|endoftext|>" },
  { name: "almost control tokens", text: "<|im_start |> <|im_end|<|im_end|>|> <|unknown|> <|" },
  { name: "control tokens of other models", text: "<s>[INST] hi [/INST]</s><|eot_id|><bos>" },
  { name: "text tokens of the model", text: "<think>x</think><tool_call>{}</tool_call>" },
  { name: "math", text: "∑_{i=0}^{∞} αᵢ ≤ √2 ∴ ¬∃x∈ℝ 𝒻(𝓍)" },
  { name: "a lone surrogate", text: "a\ud800b\udc00c" },
  { name: "characters beyond the last plane in use", text: "\u{10ffff}\u{e000}\ufffd\ufffe" },
  { name: "one letter many times", text: "a", times: 1000 },
  { name: "one space many times", text: " ", times: 500 },
  { name: "one line many times", text: "The quick brown fox jumps; 数 42!\n", times: 200 },
];

const chat = (user: string, system?: string) =>
  (system === undefined ? "" : `<|im_start|>system\n${system}<|im_end|>\n`) +
  `<|im_start|>user\n${user}<|im_end|>\n<|im_start|>assistant\n`;

/** Prompts with control tokens, and the maximum of generated tokens. */
export const CONTINUATIONS: readonly { readonly prompt: string; readonly maxTokens: number }[] = [
  { prompt: chat("Hello"), maxTokens: 64 },
  { prompt: chat("What is the capital of France?"), maxTokens: 64 },
  { prompt: chat("What is the capital of Japan?"), maxTokens: 64 },
  { prompt: chat("What is the opposite of hot?"), maxTokens: 64 },
  { prompt: chat("Count from 3 to 20."), maxTokens: 96 },
  { prompt: chat("Repeat: river tiger piano"), maxTokens: 64 },
  { prompt: chat("Spell the word cloud."), maxTokens: 64 },
  { prompt: chat("Tell me a story about a fox."), maxTokens: 128 },
  { prompt: chat("Give me JSON for Alice, age 30."), maxTokens: 64 },
  { prompt: chat("What is the capital of Italy? /think"), maxTokens: 96 },
  { prompt: chat("Hello", "You are a pirate."), maxTokens: 64 },
  {
    prompt: chat("My name is Tom.") + "Nice to meet you, Tom!<|im_end|>\n" +
      chat("What is my name?"),
    maxTokens: 64,
  },
  { prompt: "The capital of", maxTokens: 48 },
  { prompt: "<think>", maxTokens: 48 },
  { prompt: chat("🦊 今天 é?"), maxTokens: 48 },
];
