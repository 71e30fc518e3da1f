import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Bucket, parseListing } from "./bucket.ts";
import { StoreError } from "./object_store.ts";

const signal = new AbortController().signal;

/** A bucket behind a server that answers each request in one way. */
async function withBucket(
  answer: (request: Request) => Response | Promise<Response>,
  use: (bucket: Bucket) => Promise<void>,
): Promise<void> {
  const options = { hostname: "127.0.0.1", port: 0, onListen: () => {} };
  await using server = Deno.serve(options, answer);
  await use(
    new Bucket({
      endpoint: `http://127.0.0.1:${server.addr.port}`,
      ...{ bucket: "states", prefix: "my prefix/", region: "eu-west-1" },
      credentials: { accessKeyId: "id", secretAccessKey: "secret", sessionToken: "token" },
    }),
  );
}

const listing = (...entries: string[]) =>
  `<?xml version="1.0"?><ListBucketResult><IsTruncated>false</IsTruncated>${
    entries.join("")
  }</ListBucketResult>`;

Deno.test("requests are signed for the region, and keys are those below the prefix", async () => {
  const asked: string[] = [];
  await withBucket(({ method, url, headers }) => {
    const { pathname, searchParams } = new URL(url);
    asked.push(`${method} ${pathname} ${searchParams.get("prefix")}`);
    const authorization = headers.get("authorization")!;
    assert(/^AWS4-HMAC-SHA256 Credential=id\/\d{8}\/eu-west-1\/s3\//.test(authorization));
    assertEquals(headers.get("x-amz-security-token"), "token");
    if (!searchParams.has("prefix")) return new Response(new Uint8Array(3));
    return new Response(listing(
      "<Contents><Key>my+prefix/a%2Fb</Key><Size>5</Size></Contents>",
      "<Contents><Key>other/a</Key><Size>5</Size></Contents>",
    ));
  }, async (bucket) => {
    assertEquals(await bucket.list("a/", signal), {
      objects: [{ key: "a/b", size: 5 }],
      isTruncated: false,
    });
    await bucket.get("a/b", 9, signal);
    await bucket.put("a/b", new Uint8Array(1), signal);
    await bucket.delete("a/b", signal);
  });
  const path = "/states/my%20prefix/a/b";
  assertEquals(asked, [
    "GET /states my prefix/a/",
    `GET ${path} null`,
    `PUT ${path} null`,
    `DELETE ${path} null`,
  ]);
});

Deno.test("an object that is missing or larger than allowed is null", async () => {
  await withBucket(
    ({ url }) =>
      url.endsWith("none") ? new Response("", { status: 404 }) : new Response(new Uint8Array(9)),
    async (bucket) => {
      assertEquals(await bucket.get("none", 9, signal), null);
      assertEquals(await bucket.get("a", 8, signal), null);
      assertEquals((await bucket.get("a", 9, signal))?.length, 9);
    },
  );
});

Deno.test("a refusal tells status and code, and nothing is sent elsewhere", async () => {
  const refused = "<Error><Code>AccessDenied</Code><Message>key id</Message></Error>";
  await withBucket(() => new Response(refused, { status: 403 }), async (bucket) => {
    const expected = "the bucket answers with status 403 (AccessDenied)";
    for (
      const ask of [
        () => bucket.list("a/", signal),
        () => bucket.get("a", 1, signal),
        () => bucket.put("a", new Uint8Array(1), signal),
        () => bucket.delete("a", signal),
      ]
    ) assertEquals((await assertRejects(ask, StoreError)).message, expected);
  });
  let asked = 0;
  await withBucket(({ url }) => {
    asked++;
    return Response.redirect(`${url}&again`, 307);
  }, async (bucket) => {
    const { message } = await assertRejects(() => bucket.list("a/", signal), StoreError);
    assertEquals([message, asked], ["the bucket answers with status 307", 1]);
  });
});

Deno.test("an answer that is no listing is an error, and damaged entries are left out", () => {
  assertThrows(() => parseListing("<html></html>"), StoreError);
  const entries = [
    "<Contents><Key>%E0%A4%A</Key><Size>1</Size></Contents>",
    "<Contents><Size>1</Size></Contents>",
    "<Contents><Key>a</Key></Contents>",
    "<Contents><Key>b</Key><Size>99999999999999999999</Size></Contents>",
    "<Contents><Key>c</Key><Size>1</Size></Contents>",
  ];
  assertEquals(parseListing(listing(...entries)).objects, [{ key: "c", size: 1 }]);
  // A pattern would look through the rest of the text for each of them.
  const [unended, whole] = [
    "<Contents>".repeat(800_000),
    listing("<Contents><Key>c</Key><Size>1</Size></Contents>"),
  ];
  assertEquals(parseListing(whole + unended).objects, [{ key: "c", size: 1 }]);
  const more = listing().replace("false", "true");
  assertEquals(parseListing(more), { objects: [], isTruncated: true });
});
