/**
 * Runs Shimmy with its built-in model, records what the terminal shows, and writes the picture of the
 * README.
 *
 *     deno task docs:picture
 */
import { fileURLToPath } from "node:url";
import { type Line, renderTerminal } from "./terminal_svg.ts";

const ROOT = new URL("../../", import.meta.url);
const PICTURE = new URL("docs/images/terminal.svg", ROOT);

const MODEL = "shimmy-tiny";

/** The address that the pages show; the server of the recording may have another port. */
const SHOWN_ADDRESS = "127.0.0.1:11435";

/** The arguments of Deno in `deno task shimmy`. */
async function shimmyCommand(): Promise<string[]> {
  const { tasks } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
  const [, run, ...args] = (tasks.shimmy as string).split(" ");
  return [run!, "--quiet", ...args];
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
function start(program: string, args: readonly string[], env: Record<string, string>) {
  const child = new Deno.Command(program, {
    args: [...args],
    cwd: fileURLToPath(ROOT),
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

/** The address of a server, when it has loaded the model; waits at most a minute. */
async function loadedAddress(lines: readonly string[]): Promise<string> {
  for (let tries = 0; tries < 600; tries++) {
    const address = /127\.0\.0\.1:\d+/.exec(lines.join("\n"))?.[0];
    if (address !== undefined) {
      const status = await fetch(`http://${address}/api/models/${MODEL}/status`);
      if ((await status.json()).state === "loaded") return address;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`Cannot record the session: the server printed ${lines.join(" / ")}`);
}

/** A line of output with the address that the pages show. */
function shown(line: string, address: string): Line {
  return { kind: "output", text: line.replaceAll(address, SHOWN_ADDRESS) };
}

/** The requests of the session: path, body and further options of curl. */
const REQUESTS = [
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
] as const;

async function recordServer(env: Record<string, string>): Promise<Line[]> {
  const server = start(Deno.execPath(), [...await shimmyCommand(), "serve"], env);
  try {
    const address = await loadedAddress(server.lines);
    const session: Line[] = [
      { kind: "command", text: "shimmy serve" },
      ...server.lines.map((line) => shown(line, address)),
    ];
    for (const [path, body, options] of REQUESTS) {
      const curl = start("curl", ["-s", "-N", `http://${address}${path}`, "-d", body], env);
      await curl.ended;
      session.push(
        { kind: "command", text: `curl ${options}http://${SHOWN_ADDRESS}${path} \\` },
        { kind: "continued", text: `    -d '${body}'` },
        ...curl.lines.map((line) => shown(line, address)),
      );
    }
    return session;
  } finally {
    server.child.kill("SIGTERM");
    await server.ended;
  }
}

async function recordAnswer(env: Record<string, string>): Promise<Line[]> {
  const prompt = "What is the opposite of hot?";
  const args = ["generate", "--temperature", "0", MODEL];
  const answer = start(Deno.execPath(), [...await shimmyCommand(), ...args, prompt], env);
  await answer.ended;
  return [
    { kind: "command", text: `shimmy ${args.join(" ")} "${prompt}"` },
    ...answer.lines.map((text): Line => ({ kind: "output", text })),
  ];
}

async function record(): Promise<Line[]> {
  const home = await Deno.makeTempDir();
  const env = await cleanEnvironment(home);
  try {
    return [...await recordServer(env), ...await recordAnswer(env)];
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}

if (import.meta.main) {
  await Deno.writeTextFile(PICTURE, renderTerminal(await record(), "Shimmy in a terminal"));
  console.error(`Wrote ${fileURLToPath(PICTURE)}`);
}
