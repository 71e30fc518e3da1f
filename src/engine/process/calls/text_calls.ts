import { ShimmyError } from "../../../errors.ts";
import type { ToEngineCore } from "../../protocol/mod.ts";
import { DECODED_TOKENS, isLong, MAX_REPLIED_TOKENS } from "./long_prompts.ts";
import { hasMedia, readerOf } from "./media_prompts.ts";
import type { Replies } from "./replies.ts";

type Call<T extends ToEngineCore["type"]> = Extract<ToEngineCore, { readonly type: T }>;

/** Replies the tokens of a prompt, or their number. */
export function tokenize(
  { call, prompt, addSpecial, result }: Call<"tokenize">,
  replies: Replies,
): void {
  const replied = (tokens: readonly number[]) => {
    if (result === "count") return tokens.length;
    if (tokens.length <= MAX_REPLIED_TOKENS) return tokens;
    const message =
      `The text has ${tokens.length} tokens; at most ${MAX_REPLIED_TOKENS} are listed`;
    throw new ShimmyError("invalid", message);
  };
  if (hasMedia(prompt)) {
    return replies.replyLater(call, async ({ media }) => {
      const reader = readerOf(media);
      using measured = await reader.measure(prompt, addSpecial);
      return result === "count" ? measured.length : replied(reader.tokensOf(measured));
    });
  }
  if (!isLong(prompt)) {
    return replies.reply(call, ({ tokenizer }) => replied(tokenizer.encode(prompt, addSpecial)));
  }
  replies.replyLater(
    call,
    async ({ tokenizer }) => replied(await tokenizer.encodeAsync(prompt, addSpecial)),
  );
}

/** Replies the text of tokens. */
export function detokenize({ call, tokens }: Call<"detokenize">, replies: Replies): void {
  if (tokens.length <= DECODED_TOKENS) {
    return replies.reply(call, ({ tokenizer }) => tokenizer.decode(tokens));
  }
  replies.replyLater(call, async ({ tokenizer }) => {
    const parts = tokenizer.decodeParts(tokens, DECODED_TOKENS);
    let text = "";
    for (const part of parts) {
      text += part;
      await replies.pause();
    }
    return text;
  });
}

/** Replies the bytes of each token. */
export function pieces({ call, tokens }: Call<"pieces">, replies: Replies): void {
  replies.reply(
    call,
    ({ tokenizer }) =>
      tokenizer.check(tokens, "tokens").map((token) => tokenizer.piece(token, true).bytes.slice()),
  );
}
