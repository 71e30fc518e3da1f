/** Encoding of prompts, decoding of tokens, stop strings. */
export { StopMatcher, Utf8Stream } from "./text_stream.ts";
export { LONG_TEXT, type Piece, Tokenizer } from "./tokenizer.ts";
