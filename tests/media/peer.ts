/** llama-server beside the engine. `SHIMMY_LLAMA_SERVER` names the program. */
import { encodeBase64 } from "@std/encoding/base64";
import { startLlamaServer } from "../../scripts/bench/programs/servers.ts";
import type { MediaModel } from "./setup.ts";

/** What llama-server reads as an image or a sound in a prompt. */
const MARK = "<__media__>";

/** Texts, and the files of images and sounds. */
export type MediaPrompt = readonly (string | Uint8Array<ArrayBuffer>)[];

function program(): string | undefined {
  return Deno.env.get("SHIMMY_LLAMA_SERVER");
}

/** Whether there is a llama-server to compare with. */
export function hasPeer(): boolean {
  return Boolean(program());
}

/** A running llama-server. */
export interface Peer extends AsyncDisposable {
  /** The greedy tokens after a prompt. */
  complete(prompt: MediaPrompt, tokens: number): Promise<readonly number[]>;
}

/** Starts llama-server with a model. */
export async function startPeer({ model, projector }: MediaModel): Promise<Peer> {
  const server = await startLlamaServer(program()!, {
    model,
    parallel: 1,
    context: 2048,
    unified: false,
    threads: 1,
    extra: { "llama-server": ["--mmproj", projector, "--no-warmup"] },
    env: {
      LLAMA_MEDIA_MARKER: MARK,
      // Fresh memory is zero. libmtmd's Pixtral multiplies what is in memory by zero, which is not a number for
      // some of what earlier allocations leave.
      MALLOC_MMAP_THRESHOLD_: "4096",
    },
  });
  return {
    complete: (prompt, tokens) => complete(server.url, prompt, tokens),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

async function complete(
  url: string,
  prompt: MediaPrompt,
  tokens: number,
): Promise<readonly number[]> {
  const media = prompt.filter((part) => typeof part !== "string");
  const response = await fetch(`${url}/completion`, {
    method: "POST",
    body: JSON.stringify({
      prompt: {
        prompt_string: prompt.map((part) => typeof part === "string" ? part : MARK).join(""),
        multimodal_data: media.map((bytes) => encodeBase64(bytes)),
      },
      n_predict: tokens,
      temperature: 0,
      return_tokens: true,
      cache_prompt: false,
    }),
  });
  const body = await response.json();
  if (!response.ok) throw new Error(JSON.stringify(body));
  return body.tokens;
}
