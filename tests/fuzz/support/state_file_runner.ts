import { dirname, join } from "node:path";
import type * as fc from "test:fast-check";
import { editStateFile, type StateEdits, stateEdits } from "../mutation/state_files.ts";
import { exchange } from "./exchange.ts";
import { replaceFile } from "./gguf_files.ts";
import type { Problem } from "./problem.ts";
import { ServerRunner } from "./server_runner.ts";
import { type GenerateAnswer, mustGenerate, TINY } from "./tiny_server.ts";
import type { WatchedServer } from "./watched_server.ts";

/** Longer than the shortest prompt that gets a file in the disk cache. */
const STORY = "The fox has a red coat and lives under the old bridge. ".repeat(3);
const COMMON = { max_tokens: 4, temperature: 0 };
const FIRST = { ...COMMON, prompt: STORY };
const SECOND = { ...COMMON, prompt: `${STORY}It sleeps.` };

/** Where a server saves the state of a sequence, and which requests use it. */
export interface StateFiles {
  readonly folder: string;
  readonly extension: string;
  /** More fields of the requests. */
  readonly fields: object;
}

/**
 * Gives a server changed files of a saved state. A damaged file must not change an answer. Each case
 * needs a model without prefixes in memory, so it is unloaded.
 */
export class StateFileRunner extends ServerRunner<StateEdits> {
  readonly cases: fc.Arbitrary<StateEdits>;

  private constructor(
    server: WatchedServer,
    readonly path: string,
    readonly file: Uint8Array<ArrayBuffer>,
    readonly expected: string,
    readonly fields: object,
  ) {
    super(server);
    this.cases = stateEdits(file.length);
  }

  /**
   * Lets a server save a state.
   * @throws {Error} if the server does not use it: then no case would show anything.
   */
  static async start(server: WatchedServer, { folder, extension, fields }: StateFiles) {
    let expected = "";
    const setExpected = ({ response }: GenerateAnswer) => {
      expected = response;
      return null;
    };
    await must(mustGenerate(server, SECOND, setExpected));
    await must(unload(server));
    await clear(folder);
    await must(mustGenerate(server, { ...FIRST, ...fields }));
    await must(unload(server));
    const name = [...Deno.readDirSync(folder)].find((one) => one.name.endsWith(extension))?.name;
    if (name === undefined) throw new Error(`The server has written no ${extension} file`);
    const path = join(folder, name);
    const runner = new StateFileRunner(server, path, await Deno.readFile(path), expected, fields);
    await must(runner.run({ head: [], body: [] }, checkUsed));
    return runner;
  }

  async run(edits: StateEdits, inspect: Inspect = () => null): Promise<Problem | null> {
    await clear(dirname(this.path));
    await replaceFile(this.path, editStateFile(this.file, edits));
    // Another state with right checksums is used, whatever it holds.
    const isForged = "body" in edits && edits.body.length > 0;
    return await mustGenerate(
      this.server,
      { ...SECOND, ...this.fields },
      (answer) => inspect(answer) ?? (isForged ? null : checkResponse(answer, this.expected)),
    ) ?? await unload(this.server);
  }
}

type Inspect = (answer: GenerateAnswer) => Problem | null;

/** A state that is not used, or is used rightly, gives the answer of a computed prompt. */
function checkResponse({ response }: GenerateAnswer, expected: string): Problem | null {
  if (response === expected) return null;
  const message = `a file changed the answer from '${expected}' to '${response}'`;
  return { kind: "unexpected", message };
}

function checkUsed({ usage }: GenerateAnswer): Problem | null {
  if (usage.cached_tokens > 0) return null;
  return { kind: "unexpected", message: "a valid state was not used" };
}

async function must(problem: Promise<Problem | null>): Promise<void> {
  const found = await problem;
  if (found !== null) throw new Error(found.message);
}

async function unload(server: WatchedServer): Promise<Problem | null> {
  return await exchange(server, {
    method: "POST",
    path: `/api/models/${TINY}/unload`,
    isDocumented: (status) => status === 200,
  });
}

/** Removes all files of a folder, and makes it if it is missing. */
async function clear(folder: string): Promise<void> {
  await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
  for await (const { name } of Deno.readDir(folder)) await Deno.remove(join(folder, name));
}
