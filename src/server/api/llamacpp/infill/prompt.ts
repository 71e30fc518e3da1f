import { STATUS_CODE } from "@std/http/status";
import type { Engine } from "../../../../engine/mod.ts";
import type { FillTokens, PromptPart } from "../../../../engine/protocol/mod.ts";
import { HttpError } from "../../../http/mod.ts";

/** Code before and after a gap, and files of the same repository. */
export interface Gap {
  readonly prefix: readonly PromptPart[];
  readonly suffix: readonly PromptPart[];
  /** Text at the end of the prefix: the beginning of the line with the gap. */
  readonly prompt: string;
  readonly files: readonly { readonly name: string; readonly text: string }[];
  /** Tokens to generate; they do not fit beside files that fill the context. */
  readonly maxTokens: number | null;
}

/** Before a file in a vocabulary without a token for it, as llama-server writes it. */
const SNIPPET = "\n\n--- snippet ---\n\n";

/**
 * Maximum tokens of the code before and after the gap, at most half of the context; three quarters of
 * them are before it.
 */
const CODE_TOKENS = 2048;

/**
 * The tokens of a fill-in-the-middle prompt: files of the repository in the pattern of Qwen2.5-Coder
 * (https://arxiv.org/pdf/2409.12186), then prefix, suffix and the middle token. The code nearest to the
 * gap, and the last files, are kept when not all fit.
 *
 * @throws {HttpError} 501 for a vocabulary without fill-in-the-middle tokens.
 */
export async function infillTokens(engine: Engine, gap: Gap): Promise<number[]> {
  const { fim, contextLength } = engine.info;
  if (fim === null) {
    throw new HttpError(
      STATUS_CODE.NotImplemented,
      "Infill is not supported by this model: its vocabulary has no fill-in-the-middle tokens",
    );
  }
  const tokenize = (parts: readonly PromptPart[]) => engine.tokenize(parts, false);
  const room = Math.min(CODE_TOKENS, contextLength >> 1);
  const quarter = Math.floor(room / 4);
  const prompt = await tokenize([{ text: gap.prompt, special: false }]);
  const before = last(await tokenize(gap.prefix), 3 * quarter);
  const after = (await tokenize(gap.suffix)).slice(0, Math.max(0, quarter - 2 - prompt.length));
  const code = await engine.tokenize([{
    tokens: [fim.prefix, ...before, ...prompt, fim.suffix, ...after, fim.middle],
  }], true);
  const files = await tokenize(filesOf(fim, gap.files));
  const left = contextLength - code.length - 2 * (gap.maxTokens ?? quarter);
  return [...last(files, Math.max(0, left)), ...code];
}

function filesOf(fim: FillTokens, files: Gap["files"]): PromptPart[] {
  const { repository, separator } = fim;
  const parts: PromptPart[] = repository === null
    ? []
    : [{ tokens: [repository] }, { text: "myproject\n", special: false }];
  for (const { name, text } of files) {
    parts.push(...beforeFile(separator, name), { text, special: false });
  }
  // The file with the gap follows.
  if (separator !== null) parts.push(...beforeFile(separator, "filename"));
  return parts;
}

function beforeFile(separator: number | null, name: string): PromptPart[] {
  return separator === null
    ? [{ text: SNIPPET, special: false }]
    : [{ tokens: [separator] }, { text: `${name}\n`, special: false }];
}

function last(tokens: readonly number[], count: number): readonly number[] {
  return count === 0 ? [] : tokens.slice(-count);
}
