import { assertEquals } from "@std/assert";
import { compileFailure } from "./compile_failure.ts";

/** What Deno 2.9.6 prints, with the causes of a failure. */
const printed = (...causes: readonly string[]) =>
  `error: Writing deno compile executable to temporary \
file '/d/shimmy.tmp-1'

Caused by:
${causes.map((cause, i) => `    ${i}: ${cause}`).join("\n")}

Stack backtrace:
   0: <unknown>
`;

const URL = "https://dl.deno.land/release/v2.9.6/denort-x86_64-unknown-linux-gnu.zip";

Deno.test("a runtime that cannot be fetched is named, with the reason and DENORT_BIN", () => {
  const stderr = printed(
    "Setting up base binary.",
    `error sending request for url (${URL}): client error (Connect): dns error`,
    "client error (Connect)",
    "dns error",
    "Name or service not known",
  );
  assertEquals(
    compileFailure(stderr, undefined),
    "Cannot fetch denort-x86_64-unknown-linux-gnu, the runtime that Deno puts into an executable " +
      "(Name or service not known): set DENORT_BIN to the path of a denort for the target, of the " +
      "same version as Deno",
  );
});

Deno.test("a runtime of the user's that is not there is named", () => {
  const stderr = printed("Could not find denort at '/nowhere'", "No such file or directory");
  assertEquals(
    compileFailure(stderr, "/nowhere"),
    "DENORT_BIN: cannot use '/nowhere' (No such file or directory)",
  );
});

Deno.test("another failure is reported with its causes in one line", () => {
  assertEquals(
    compileFailure(printed("No space left on device"), undefined),
    "Cannot compile: Writing deno compile executable to temporary file '/d/shimmy.tmp-1': " +
      "No space left on device",
  );
  assertEquals(compileFailure("error: no\n", undefined), "Cannot compile: no");
  assertEquals(compileFailure("", undefined), "Cannot compile: deno compile printed no reason");
});
