/** Programs that the tests of packages need and that not every machine has. */

/** How a program ended. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end. @throws {Deno.errors.NotFound} where it is not on this machine */
export async function run(
  [program = "", ...args]: readonly string[],
  options: Pick<Deno.CommandOptions, "cwd" | "env"> = {},
): Promise<Outcome> {
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args,
    stdin: "null",
    ...options,
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

/** Whether a program is on this machine and accepts the arguments. */
export async function has(...command: readonly string[]): Promise<boolean> {
  return await run(command).then(({ code }) => code === 0, () => false);
}

/** A test that is skipped, with the reason on stderr, where a tool is missing. */
export function testWith(
  name: string,
  tool: { readonly here: boolean; readonly name: string },
  fn: () => Promise<void>,
): void {
  if (!tool.here) console.error(`skipped: ${name}: ${tool.name} is missing`);
  Deno.test({ name, ignore: !tool.here, fn });
}
