import { join } from "node:path";
import type * as fc from "test:fast-check";
import { PIRATE_LORA } from "../../support/engine.ts";
import type { ByteEdit } from "../mutation/byte_edits.ts";
import { exchange, type Received } from "../support/exchange.ts";
import { GgufBase, replaceFile } from "../support/gguf_files.ts";
import type { Problem } from "../support/problem.ts";
import { ServerRunner } from "../support/server_runner.ts";
import { mustGenerate, record, startTinyServer, TINY } from "../support/tiny_server.ts";
import type { WatchedServer } from "../support/watched_server.ts";
import type { Target } from "../target.ts";

/** A LoRA adapter as changes of a valid one. */
interface LoraCase {
  readonly edits: readonly ByteEdit[];
}

const NAME = "fuzzed";

/** LoRA adapters, loaded into a running model. The model must survive each. */
export const lora: Target = {
  name: "lora",
  async open() {
    const base = await GgufBase.read(PIRATE_LORA);
    let path = "";
    const server = await startTinyServer((home) => {
      const folder = join(home, "adapters");
      path = join(folder, `${NAME}.gguf`);
      // The server finds the adapter when it starts.
      Deno.mkdirSync(folder);
      Deno.writeFileSync(path, base.bytes);
      return ["--model-dirs", folder];
    });
    return new LoraRunner(server, base, path);
  },
};

class LoraRunner extends ServerRunner<LoraCase> {
  readonly cases: fc.Arbitrary<LoraCase>;

  constructor(server: WatchedServer, readonly base: GgufBase, readonly path: string) {
    super(server);
    this.cases = record<LoraCase>({ edits: base.edits });
  }

  async run({ edits }: LoraCase): Promise<Problem | null> {
    await replaceFile(this.path, this.base.edited(edits));
    let isLoaded = false;
    const problem = await this.#change({ scale: 1 }, ({ status, text }) => {
      isLoaded = status === 200;
      return checkProcess(text);
    });
    if (problem !== null) return problem;
    const generated = await mustGenerate(this.server, {
      prompt: "Hi",
      max_tokens: 2,
      ignore_eos: true,
    });
    return generated ?? (isLoaded ? await this.#change({ unload: true }) : null);
  }

  async #change(
    change: object,
    inspect?: (received: Received) => Problem | null,
  ): Promise<Problem | null> {
    return await exchange(this.server, {
      method: "POST",
      path: "/api/lora",
      body: JSON.stringify({ model: TINY, name: NAME, ...change }),
      isDocumented: (status) => [200, 400, 404, 502].includes(status),
      mayFail: true,
    }, inspect);
  }
}

/** A file that ends the model's process ends the answers of other clients. */
function checkProcess(text: string): Problem | null {
  const isEnded = /The model's process (ended|does not respond)/.test(text);
  return isEnded ? { kind: "ended", message: text.slice(0, 400) } : null;
}
