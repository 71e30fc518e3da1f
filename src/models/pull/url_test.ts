import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { cutOff, sendBytes, sha256 } from "../../../tests/doubles/hub.ts";
import {
  assertHolds,
  BYTES,
  gguf,
  list,
  PullMachine,
} from "../../../tests/doubles/pull_machine.ts";
import { missingBytes } from "./mod.ts";

/** A server with one file. */
function files(handler: (request: Request) => Response | Promise<Response>) {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, handler);
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

Deno.test("a file from a URL is stored in Shimmy's folder and its checksum is verified", async () => {
  await using machine = new PullMachine();
  await using server = files((request) => sendBytes(request, BYTES, { etag: '"1"' }));
  const url = `${server.url}/sub/Tiny.gguf?token=x`;
  const folder = machine.path("home", ".local", "share", "shimmy", "models");
  const wrong = await machine.failure(url, "0".repeat(64));
  assertStringIncludes(wrong.message, "its checksum is wrong");
  assertEquals(wrong.detail, `${server.url}/sub/Tiny.gguf`);
  const model = await machine.pull(url, undefined, sha256(BYTES));
  assertEquals(model, { name: "tiny", paths: [join(folder, "Tiny.gguf")] });
  assertHolds(model.paths[0]!, BYTES);
  assertEquals(missingBytes(await machine.store.plan(url)), 0);
  Deno.writeFileSync(join(folder, "Other.gguf"), BYTES);
  assertStringIncludes(
    (await machine.failure(`${server.url}/Other.gguf`)).message,
    "a file of that name exists from another source; remove it first",
  );
});

Deno.test("an HTML page instead of a file is refused", async () => {
  await using machine = new PullMachine();
  await using server = files(() => new Response("<html>Log in</html>"));
  const error = await machine.failure(`${server.url}/m.gguf`);
  assertEquals(error.message, "The file that the server sent as m.gguf is not a GGUF file");
  assertEquals(list(machine.path("home", ".local", "share", "shimmy", "models")), [".shimmy"]);
});

Deno.test("a file that changed between two attempts is downloaded from the start", async () => {
  await using machine = new PullMachine();
  const newer = gguf(200_000);
  let now = BYTES;
  const ranges: (string | null)[] = [];
  await using server = files((request) => {
    ranges.push(`${request.headers.get("range")} ${request.headers.get("if-range")}`);
    const answer = sendBytes(request, now, { etag: `"${now.length}"` });
    if (ranges.length !== 2) return answer;
    now = newer;
    return cutOff(answer, 50_000);
  });
  const { paths } = await machine.pull(`${server.url}/m.gguf`);
  assertHolds(paths[0]!, newer);
  assertEquals(ranges[0], "bytes=0-0 null");
  assertEquals(ranges[1], "null null");
  assertEquals(ranges[2], 'bytes=50000- "300000"');
});

Deno.test("errors distinguish private and missing files of a URL", async () => {
  await using machine = new PullMachine();
  for (const [status, reason] of [[403, "not public"], [404, "does not exist"]]) {
    await using server = files(() => new Response("no", { status: status as number }));
    assertStringIncludes((await machine.failure(`${server.url}/m.gguf`)).message, reason as string);
  }
});
