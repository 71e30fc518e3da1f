/** Runs the saved findings again: each was handled wrongly once. */
import { assertEquals } from "@std/assert";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readFinding } from "./finding.ts";
import { TARGETS } from "./targets/mod.ts";

const FOLDER = fileURLToPath(new URL("./findings", import.meta.url));

const findings = await Promise.all(
  [...Deno.readDirSync(FOLDER)].filter(({ name }) => name.endsWith(".json")).map(
    async ({ name }) => ({ name, ...await readFinding(join(FOLDER, name)) }),
  ),
);

for (const target of TARGETS) {
  const own = findings.filter((one) => one.target === target.name);
  if (own.length === 0) continue;
  Deno.test(`saved findings are handled: ${target.name}`, async (test) => {
    await using runner = await target.open();
    for (const { name, cases } of own) {
      await test.step(name, async () => {
        for (const one of cases) assertEquals(await runner.run(one), null);
      });
    }
    assertEquals(await runner.finish(), null);
  });
}
