/**
 * Runs Shimmy with its built-in model, records what the terminal shows, and writes the picture of the
 * README.
 *
 *     deno task docs:picture
 */
import { fromFileUrl } from "@std/path";
import { type Line, renderTerminal } from "./terminal_svg.ts";

const ROOT = new URL("../../", import.meta.url);
const PICTURE = new URL("docs/images/terminal.svg", ROOT);

/** The address that the pages show; the server of the recording may have another port. */
const SHOWN_ADDRESS = "127.0.0.1:11435";

/** The program and the arguments of `deno task shimmy`. */
async function shimmyCommand(): Promise<string[]> {
  const { tasks } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
  const [, ...args] = (tasks.shimmy as string).split(" ");
  const main = args.pop()!;
  const config = fromFileUrl(new URL("deno.json", ROOT));
  return [...args, "--quiet", `--config=${config}`, fromFileUrl(new URL(main, ROOT))];
}

/** Variables for a user without models and settings, and with the libraries of this user. */
async function cleanEnvironment(home: string): Promise<Record<string, string>> {
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
  const { denoDir } = JSON.parse(new TextDecoder().decode(stdout));
  const variables = Object.entries(Deno.env.toObject())
    .filter(([name]) => !/^(SHIMMY_|HF_|OLLAMA_|XDG_)/.test(name));
  return { ...Object.fromEntries(variables), HOME: home, USERPROFILE: home, DENO_DIR: denoDir };
}

/** Starts a program and collects the lines of both of its streams in the order of their arrival. */
function start(program: string, args: readonly string[], cwd: string, env: Record<string, string>) {
  const child = new Deno.Command(program, {
    args: [...args],
    cwd,
    env,
    clearEnv: true,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const lines: string[] = [];
  const collect = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>) => {
    let rest = "";
    for await (const piece of stream.pipeThrough(new TextDecoderStream())) {
      const parts = (rest + piece).split("\n");
      rest = parts.pop()!;
      lines.push(...parts);
    }
    if (rest !== "") lines.push(rest);
  };
  const ended = Promise.all([collect(child.stdout), collect(child.stderr), child.status]);
  return { child, lines, ended };
}

/** Waits until a condition holds, at most a minute. */
async function until(condition: () => boolean, what: string): Promise<void> {
  for (let tries = 0; !condition(); tries++) {
    if (tries > 600) throw new Error(`Cannot record the session: ${what} did not happen`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function record(): Promise<Line[]> {
  const home = await Deno.makeTempDir();
  const env = await cleanEnvironment(home);
  const shimmy = await shimmyCommand();
  const session: Line[] = [];
  try {
    const server = start(Deno.execPath(), [...shimmy, "serve"], home, env);
    await until(() => server.lines.some((line) => line.includes("is loaded")), "the load");
    const address = /127\.0\.0\.1:\d+/.exec(server.lines.join("\n"))![0];
    const show = (line: string): Line => ({
      kind: "output",
      text: line.replaceAll(address, SHOWN_ADDRESS),
    });
    session.push({ kind: "command", text: "shimmy serve" }, ...server.lines.map(show));
    for (
      const [path, body, more] of [
        [
          "/v1/chat/completions",
          '{"messages": [{"role": "user", "content": "Capital of France?"}], "temperature": 0}',
          "",
        ],
        [
          "/api/generate",
          '{"prompt": "Count from 3 to 9.", "temperature": 0, "stream_format": "ndjson"}',
          "-N ",
        ],
      ] as const
    ) {
      const url = `http://${address}${path}`;
      const curl = start("curl", ["-s", "-N", url, "-d", body], home, env);
      await curl.ended;
      session.push(
        { kind: "command", text: `curl ${more}http://${SHOWN_ADDRESS}${path} \\` },
        { kind: "continued", text: `    -d '${body}'` },
        ...curl.lines.map(show),
      );
    }
    server.child.kill("SIGTERM");
    await server.ended;
    const text = '"What is the opposite of hot?"';
    const args = ["generate", "shimmy-tiny", "--temperature", "0", "--prompt", JSON.parse(text)];
    const answer = start(Deno.execPath(), [...shimmy, ...args], home, env);
    await answer.ended;
    session.push(
      { kind: "command", text: `shimmy generate shimmy-tiny --temperature 0 --prompt ${text}` },
      ...answer.lines.map(show),
    );
    return session;
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}

if (import.meta.main) {
  await Deno.writeTextFile(PICTURE, renderTerminal(await record(), "Shimmy in a terminal"));
  console.error(`Wrote ${fromFileUrl(PICTURE)}`);
}
