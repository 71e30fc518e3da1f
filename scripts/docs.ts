/**
 * Generates the tables of docs/ and the manual page from the code: commands, options, environment
 * variables, routes and request fields.
 *
 *     deno task docs
 */
import { makePages } from "./docs/pages.ts";

for (const { name, current, made } of await makePages()) {
  if (made === current) continue;
  await Deno.writeTextFile(new URL(`../${name}`, import.meta.url), made);
  console.error(`${name}: updated`);
}
