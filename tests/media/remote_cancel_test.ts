/** Requests that are given up while the server fetches their images from a host that never answers. */
import { assertEquals } from "@std/assert";
import type { Server } from "../cli/machine.ts";
import { StalledServer } from "../doubles/stalled_server.ts";
import { FrameSocket } from "../e2e/frame_socket.ts";
import { joined, pattern, png } from "../support/pictures.ts";
import { until } from "../support/until.ts";
import { served } from "./serving.ts";
import { MEDIA_FOLDER, withModel } from "./setup.ts";

/** Images that a server fetches at once. */
const AT_ONCE = 16;

const PICTURE = png(40, 30, pattern(1));
const HEAD =
  `HTTP/1.1 200 OK\r\ncontent-type: image/png\r\ncontent-length: ${PICTURE.length}\r\n\r\n`;
const WHOLE = joined([new TextEncoder().encode(HEAD), PICTURE]);
/** The beginning of an image. */
const BEGUN = "HTTP/1.1 200 OK\r\ncontent-type: image/png\r\ncontent-length: 100000\r\n\r\nabc";

const TEXT = "what is this";

/** Images that fill all places of the server. */
const manyOf = (host: string, name: string) =>
  Array.from({ length: AT_ONCE }, (_, at) => `http://${host}/${name}${at}.png`);

/** Requests of each dialect for an answer about images. */
const DIALECTS: readonly (readonly [path: string, body: (urls: readonly string[]) => object])[] = [
  ["/api/generate", (urls) => ({ messages: [{ role: "user", content: TEXT, images: urls }] })],
  ["/v1/chat/completions", (urls) => ({
    messages: [{
      role: "user",
      content: urls.map((url) => ({ type: "image_url", image_url: { url } })),
    }],
  })],
  ["/v1/responses", (urls) => ({
    input: [{
      role: "user",
      content: urls.map((url) => ({ type: "input_image", image_url: url })),
    }],
  })],
  ["/v1/messages", (urls) => ({
    max_tokens: 8,
    messages: [{
      role: "user",
      content: urls.map((url) => ({ type: "image", source: { type: "url", url } })),
    }],
  })],
];

function post(server: Server, path: string, body: object, signal?: AbortSignal): Promise<Response> {
  return fetch(server.url(path), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "model", ...body }),
    signal: signal ?? null,
  });
}

/** Whether an image of the host is read, for which there must be a free place. */
async function readsImage(server: Server, host: string): Promise<boolean> {
  const [path, bodyOf] = DIALECTS[0]!;
  const body = { ...bodyOf([`http://${host}/whole.png`]), max_tokens: 4, stream: false };
  const response = await post(server, path, body);
  await response.body?.cancel();
  return response.status === 200;
}

/** Requests that run on the server or wait there. */
async function running(server: Server): Promise<number> {
  const { models } = await (await fetch(server.url("/diag"))).json();
  const { queue } = models[0];
  return (queue?.running ?? 0) + (queue?.waiting ?? 0);
}

for (const [what, head] of [["sends nothing", ""], ["sends a part of them", BEGUN]] as const) {
  Deno.test(
    `a client that leaves ends the fetching of its images from a host that ${what}`,
    { ignore: MEDIA_FOLDER === null },
    () =>
      withModel("mlp", async (files) => {
        await using host = new StalledServer({ head, answers: { "/whole.png": WHOLE } });
        await using started = await served(files, ["--allow-remote-media", host.host]);
        const { server } = started;
        for (const [at, [path, bodyOf]] of DIALECTS.entries()) {
          for (const stream of [true, false]) {
            const client = new AbortController();
            const urls = manyOf(host.host, `${at}-${stream}-`);
            const asked = host.asked.length;
            const left = post(server, path, { ...bodyOf(urls), stream }, client.signal)
              .then(() => "answered", () => "left");
            await until(() => host.asked.length === asked + AT_ONCE);
            // Another client has to wait for a place.
            const other = readsImage(server, host.host);
            client.abort();
            assertEquals([path, await left, await other], [path, "left", true]);
            await until(() => host.open === 0);
            await until(async () => await running(server) === 0);
          }
        }
      }),
  );
}

Deno.test(
  "an answer that is stopped, and a socket that closes, end the fetching of their images",
  { ignore: MEDIA_FOLDER === null },
  () =>
    withModel("mlp", async (files) => {
      await using host = new StalledServer({ answers: { "/whole.png": WHOLE } });
      await using started = await served(files, ["--allow-remote-media", host.host]);
      const { server } = started;
      const [path, bodyOf] = DIALECTS[0]!;
      const whenFetched = async () => {
        await until(() => host.open === AT_ONCE);
      };
      const isFree = async () => {
        assertEquals(await readsImage(server, host.host), true);
        await until(() => host.open === 0);
        await until(async () => await running(server) === 0);
      };
      // A detached answer goes on when its client leaves, so it is stopped by its name.
      const client = new AbortController();
      const body = { ...bodyOf(manyOf(host.host, "detached")), stream: true, detach: "mine" };
      const left = post(server, path, body, client.signal).then(() => "answered", () => "left");
      await whenFetched();
      client.abort();
      assertEquals(await left, "left");
      assertEquals(host.open, AT_ONCE);
      const stopped = await fetch(server.url("/api/generate/mine/control"), {
        method: "POST",
        body: JSON.stringify({ stop: true }),
      });
      assertEquals([stopped.status, (await stopped.json()).id.slice(0, 4)], [200, "gen-"]);
      await isFree();
      for (const how of ["stop", "close"] as const) {
        await using socket = await FrameSocket.open(
          server.url("/ws/generate").replace("http", "ws"),
        );
        socket.send({ ...bodyOf(manyOf(host.host, how)), stream_format: "json" });
        await whenFetched();
        if (how === "stop") socket.send({ stop: true });
        else await socket[Symbol.asyncDispose]();
        await isFree();
      }
    }),
);
