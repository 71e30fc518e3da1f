/**
 * Makes the generated sections of README.md and docs/ anew from the code: commands, options, routes and
 * the fields of requests.
 *
 *     deno task docs
 */
import { makePages } from "./docs/pages.ts";

for (const { name, current, made } of await makePages()) {
  if (made === current) continue;
  await Deno.writeTextFile(new URL(`../${name}`, import.meta.url), made);
  console.error(`${name}: made anew`);
}
