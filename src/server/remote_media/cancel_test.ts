/** Images that nobody needs any more, and more images than are fetched at once. */
import { assertEquals, assertLess, assertRejects } from "@std/assert";
import { until } from "../../../tests/doubles/context.ts";
import { StalledServer } from "../../../tests/doubles/stalled_server.ts";
import { ShimmyError } from "../../errors.ts";
import { createImageFetcher } from "./image_fetcher.ts";

const field = "image_url.url";
const REFUSED = "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n";
const answers = { "/refused": REFUSED };
const BEGUN = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nabc";

/** Images of a server, and a function that fetches some for a client. */
function setUp({ host }: StalledServer) {
  const fetchImages = createImageFetcher({ hosts: [host], maxTotalBytes: 1000 });
  const images = (...paths: string[]) =>
    paths.map((path) => ({ type: "remote", url: `http://${host}/${path}`, field }) as const);
  const start = (client: string, given: ReturnType<typeof images>) => {
    const controller = new AbortController();
    const fetched = fetchImages(given, { client, signal: controller.signal });
    fetched.catch(() => {});
    return { fetched, leave: () => controller.abort() };
  };
  return { images, start };
}

const named = (name: string, count: number) =>
  Array.from({ length: count }, (_, id) => `${name}${id}`);

Deno.test("a client that leaves ends the connections of its images, and no others begin", async () => {
  for (const head of ["", BEGUN]) {
    await using server = new StalledServer({ head, answers });
    const { images, start } = setUp(server);
    const { fetched, leave } = start("a", images(...named("a", 20)));
    await until(() => server.asked.length === 16);
    leave();
    const error = await assertRejects(() => fetched, ShimmyError);
    assertEquals(error.kind, "cancelled");
    await until(() => server.open === 0);
    assertEquals(server.asked.length, 16);
  }
});

Deno.test("images are fetched until all choices of a request have ended", async () => {
  await using server = new StalledServer({ answers });
  const { images, start } = setUp(server);
  const same = images("x");
  const [first, second] = [start("a", same), start("a", same)];
  await until(() => server.asked.length === 1);
  first.leave();
  await assertRejects(() => first.fetched, ShimmyError);
  assertEquals(server.open, 1);
  second.leave();
  await until(() => server.open === 0);
  // A choice that begins later fetches them again.
  const third = start("a", same);
  await until(() => server.asked.length === 2);
  third.leave();
  await until(() => server.open === 0);
});

Deno.test("an image that cannot be fetched ends the fetching of the others", async () => {
  await using server = new StalledServer({ answers });
  const { images, start } = setUp(server);
  const { fetched } = start("a", images("slow", "refused", "slow"));
  const error = await assertRejects(() => fetched, ShimmyError);
  assertEquals(
    error.message,
    `${field}: the image cannot be fetched: ${server.host} answered with status 403`,
  );
  await until(() => server.open === 0);
});

Deno.test("a client with many images does not keep those of others waiting", async () => {
  await using server = new StalledServer({ answers });
  const { images, start } = setUp(server);
  const many = [0, 1, 2].map((id) => start("a", images(...named(`a${id}-`, 64))));
  await until(() => server.asked.length === 16);
  // 176 wait, and one client has 192 places.
  const more = start("a", images(...named("more", 17)));
  const refused = await assertRejects(() => more.fetched, ShimmyError);
  assertEquals([refused.kind, refused.retryAfter], ["overloaded", 1]);
  const other = start("b", images("b"));
  many[0]!.leave();
  await until(() => server.asked.includes("/b"));
  // All 16 places of the first images may become free before it has one.
  assertLess(server.asked.indexOf("/b"), 32);
  for (const { leave } of [...many, other]) leave();
  await until(() => server.open === 0);
});
