import { PROGRAMS } from "../../tests/programs/programs.ts";

const RESULTS = new URL("../../tests/programs/results.txt", import.meta.url);

/** The programs that passed the last recorded run of `deno task test:programs:record`. */
export async function programTable(): Promise<string> {
  const passed = (await Deno.readTextFile(RESULTS)).split("\n");
  const rows = PROGRAMS.filter(({ name, version }) => passed.includes(`${name}@${version}`))
    .map(({ title, name, version, registry, api, job }) =>
      `| ${title} | ${registry}: \`${name}\` ${version} | ${api} | ${job} |`
    );
  return ["| program | package | API | tested job |", "| --- | --- | --- | --- |", ...rows].join(
    "\n",
  );
}
