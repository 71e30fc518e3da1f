import { assertEquals, assertRejects } from "@std/assert";
import { ShimmyError } from "../../errors.ts";
import { get } from "./get.ts";
import { createImageFetcher, type ImageFetcherOptions } from "./image_fetcher.ts";

/** A server of pictures. */
class PictureServer implements AsyncDisposable {
  /** Requested paths with their host. */
  readonly asked: string[] = [];
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  constructor(answer: (request: Request) => Response | Promise<Response>) {
    this.#server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
      this.asked.push(`${request.headers.get("host")}${new URL(request.url).pathname}`);
      return answer(request);
    });
  }

  get host(): string {
    return `127.0.0.1:${this.port}`;
  }

  get port(): number {
    return this.#server.addr.port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

const PICTURE = new Uint8Array([1, 2, 3, 4]);
const remote = (url: string) => ({ type: "remote", url, field: "image_url.url" }) as const;

type Options = Partial<ImageFetcherOptions> & Pick<ImageFetcherOptions, "hosts">;

/** Fetches images for a client that stays. */
function fetcher(options: Options) {
  const fetchImages = createImageFetcher({ maxTotalBytes: 1000, ...options });
  const { signal } = new AbortController();
  return (images: Parameters<typeof fetchImages>[0]) =>
    fetchImages(images, { client: "a", signal });
}

/** The message with which an image is refused. */
async function refusal(url: string, options: Options): Promise<string> {
  const error = await assertRejects(() => fetcher(options)([remote(url)]), ShimmyError);
  assertEquals([error.kind, error.field], ["invalid", "image_url.url"]);
  return error.message.replace("image_url.url: the image ", "");
}

Deno.test("an image is fetched from a listed host, once for all choices of a request", async () => {
  await using server = new PictureServer(() => new Response(PICTURE));
  const fetchImages = fetcher({ hosts: [server.host] });
  const image = remote(`http://${server.host}/a.png`);
  const expected = [{ type: "image", bytes: PICTURE, field: "image_url.url" } as const];
  assertEquals(await Promise.all([fetchImages([image]), fetchImages([image])]), [
    expected,
    expected,
  ]);
  assertEquals(server.asked, [`${server.host}/a.png`]);
});

Deno.test("a host that is not listed is refused, and nothing is sent to it", async () => {
  await using server = new PictureServer(() => new Response(PICTURE));
  assertEquals(
    await refusal(`http://${server.host}/`, { hosts: ["a.example"] }),
    `cannot be fetched: --allow-remote-media does not list the host ${server.host}`,
  );
  assertEquals(
    await refusal(`http://${server.host}/`, { hosts: [`*:${server.port}`] }),
    `cannot be fetched: ${server.host} has an address that is not public`,
  );
  assertEquals(server.asked, []);
});

Deno.test("a name with a private address is refused, also after other addresses", async () => {
  for (const addresses of [["127.0.0.1"], ["8.8.8.8", "192.168.0.1"], ["::1"]]) {
    const resolve = () => Promise.resolve(addresses);
    assertEquals(
      await refusal("http://a.example/", { hosts: ["a.example"], resolve }),
      "cannot be fetched: a.example has an address that is not public",
    );
  }
});

Deno.test("the connection goes to the address that was checked, whatever the name means", async () => {
  await using server = new PictureServer(() => new Response(PICTURE));
  const url = new URL(`http://pictures.invalid:${server.port}/a.png`);
  const { signal } = new AbortController();
  const { body } = await get(url, "127.0.0.1", { maxBytes: 10, signal });
  assertEquals(body, PICTURE);
  assertEquals(server.asked, [`pictures.invalid:${server.port}/a.png`]);
});

Deno.test("each redirect is checked like the first URL", async () => {
  let location = "";
  await using server = new PictureServer(({ url }) =>
    url.endsWith("/start")
      ? new Response(null, { status: 302, headers: { location } })
      : new Response(PICTURE)
  );
  const start = `http://${server.host}/start`;
  location = "/moved.png";
  const [image] = await fetcher({ hosts: [server.host] })([remote(start)]);
  assertEquals(image?.bytes, PICTURE);
  assertEquals(server.asked, [`${server.host}/start`, `${server.host}/moved.png`]);
  const cases = [
    [
      `http://localhost:${server.port}/`,
      `localhost:${server.port} has an address that is not public`,
    ],
    ["http://other.example/", "--allow-remote-media does not list the host other.example"],
    ["file:///etc/passwd", "its URL is not one of http or https"],
    ["http://u:p@127.0.0.1/", "its URL has a user name or a password"],
    [`/${"a".repeat(8_192)}`, "its URL has more than 8192 characters"],
    [start, "there are more than 3 redirects"],
  ];
  for (const [to, what] of cases) {
    location = to!;
    const hosts = [server.host, `localhost:${server.port}`];
    assertEquals(await refusal(start, { hosts }), `cannot be fetched: ${what}`);
  }
});

Deno.test("limits of size apply with and without a content length, and to all images together", async () => {
  await using server = new PictureServer(({ url }) => {
    const chunks = url.endsWith("/chunked");
    return new Response(chunks ? ReadableStream.from([PICTURE, PICTURE]) : new Uint8Array(8));
  });
  const hosts = [server.host];
  for (const path of ["/whole", "/chunked"]) {
    const url = `http://${server.host}${path}`;
    assertEquals(await refusal(url, { hosts, maxBytes: 7 }), "has more than 7 bytes");
    assertEquals((await fetcher({ hosts, maxBytes: 8 })([remote(url)]))[0]?.bytes.length, 8);
  }
  const three = [1, 2, 3].map((id) => remote(`http://${server.host}/${id}`));
  const error = await assertRejects(
    () => fetcher({ hosts, maxTotalBytes: 20 })(three),
    ShimmyError,
  );
  assertEquals(
    error.message,
    "image_url.url: the image is too much: those at URLs have more than 20 bytes together",
  );
  const many = Array.from({ length: 65 }, (_, id) => remote(`http://${server.host}/${id}`));
  const count = await assertRejects(() => fetcher({ hosts })(many), ShimmyError);
  assertEquals(
    count.message,
    "image_url.url: the image is one of 65 at URLs; at most 64 are fetched",
  );
});

Deno.test("a server that is slow, broken or refuses is an error of the request", async () => {
  const { promise, resolve } = Promise.withResolvers<Response>();
  await using server = new PictureServer(({ url }) =>
    url.endsWith("/slow") ? promise : new Response("no", { status: 403 })
  );
  const hosts = [server.host, "127.0.0.1:1", "a.invalid"];
  const of = (url: string) => refusal(url, { hosts, timeoutMs: 300 });
  assertEquals(await of(`http://${server.host}/slow`), "cannot be fetched within 0.3 s");
  resolve(new Response(PICTURE));
  assertEquals(
    await of(`http://${server.host}/no`),
    `cannot be fetched: ${server.host} answered with status 403`,
  );
  assertEquals(await of("http://127.0.0.1:1/"), "cannot be fetched: no answer from 127.0.0.1:1");
  const unknown = () => Promise.reject(new Error("ENOTFOUND"));
  assertEquals(
    await refusal("http://a.invalid/", { hosts, resolve: unknown }),
    "cannot be fetched: no answer from a.invalid",
  );
});

Deno.test("a body that ends early is no image", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = (async () => {
    using connection = await listener.accept();
    await connection.read(new Uint8Array(2000));
    await connection.write(
      new TextEncoder().encode("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nabc"),
    );
  })();
  const host = `127.0.0.1:${listener.addr.port}`;
  assertEquals(
    await refusal(`http://${host}/`, { hosts: [host] }),
    `cannot be fetched: no answer from ${host}`,
  );
  await serving;
});
