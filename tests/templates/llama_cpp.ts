import { join } from "@std/path";

/** A chat template of llama.cpp's collection. */
export interface NamedTemplate {
  readonly name: string;
  readonly path: string;
  readonly source: string;
}

/**
 * The chat templates in `models/templates/` of the llama.cpp sources that `SHIMMY_LLAMA_SOURCE` names;
 * null where it names none.
 */
export async function llamaTemplates(): Promise<readonly NamedTemplate[] | null> {
  const root = await environment("SHIMMY_LLAMA_SOURCE");
  if (root === null) return null;
  const folder = join(root, "models", "templates");
  const templates: NamedTemplate[] = [];
  for await (const { name } of Deno.readDir(folder)) {
    if (!name.endsWith(".jinja")) continue;
    const path = join(folder, name);
    templates.push({ name, path, source: await Deno.readTextFile(path) });
  }
  return templates.sort((a, b) => a.name < b.name ? -1 : 1);
}

/** An environment variable, where it is set and may be read. */
export async function environment(name: string): Promise<string | null> {
  const permission = await Deno.permissions.query({ name: "env", variable: name });
  return permission.state === "granted" ? Deno.env.get(name) ?? null : null;
}

/** llama.cpp's own server, rendering with one chat template. */
export class LlamaServer implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #url: string;

  private constructor(process: Deno.ChildProcess, url: string) {
    this.#process = process;
    this.#url = url;
  }

  /** Starts `program` on a free loopback port and waits until it answers, for at most 30 seconds. */
  static async start(program: string, model: string, template: string): Promise<LlamaServer> {
    const port = freePort();
    const address = ["--host", "127.0.0.1", "--port", String(port)];
    const small = ["--ctx-size", "256", "--parallel", "1", "--threads", "1", "--no-warmup"];
    const chat = ["--jinja", "--chat-template-file", template, "--no-webui"];
    const process = new Deno.Command(program, {
      args: ["--model", model, ...address, ...small, ...chat],
      stdout: "null",
      stderr: "null",
    }).spawn();
    const server = new LlamaServer(process, `http://127.0.0.1:${port}`);
    const deadline = Date.now() + 30_000;
    while (!await server.#isHealthy()) {
      if (Date.now() > deadline) {
        await server[Symbol.asyncDispose]();
        throw new Error(`llama-server did not start with ${template}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    return server;
  }

  async #isHealthy(): Promise<boolean> {
    try {
      const response = await fetch(`${this.#url}/health`);
      await response.body?.cancel();
      return response.ok;
    } catch {
      return false;
    }
  }

  /** The texts of BOS and EOS. */
  async specialTokens(): Promise<{ readonly bosText: string; readonly eosText: string }> {
    const props = await (await fetch(`${this.#url}/props`)).json();
    return { bosText: props.bos_token, eosText: props.eos_token };
  }

  /** What the template makes of a conversation; null where the server refuses it. */
  async render(body: Record<string, unknown>): Promise<string | null> {
    const response = await fetch(`${this.#url}/apply-template`, {
      method: "POST",
      body: JSON.stringify(body),
    });
    const answer: { prompt?: string } = await response.json();
    return answer.prompt ?? null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#process.status;
  }
}

function freePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  return port;
}
