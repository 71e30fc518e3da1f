/** The comment at the head of a script without its frame. */
export function headComment(source: string): string {
  const [, body = ""] = /^\/\*\*\n([\s\S]*?)\n \*\//.exec(source) ?? [];
  return body.split("\n").map((line) => line.replace(/^ \* ?/, "")).join("\n");
}

/** Prints the comment at the head of a script, which describes its options, and ends if `--help` is given. */
export function answerHelp(url: string, args: readonly string[] = Deno.args): void {
  if (!args.includes("--help") && !args.includes("-h")) return;
  console.log(headComment(Deno.readTextFileSync(new URL(url))));
  Deno.exit(0);
}
