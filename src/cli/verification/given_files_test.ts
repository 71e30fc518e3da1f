import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { MediaInput } from "../../engine/protocol/mod.ts";
import { ShimmyError } from "../../errors.ts";
import type { Receipt } from "../../receipts/mod.ts";
import { FilesOfRequest } from "./given_files.ts";

const image = (id: number): MediaInput => ({
  type: "image",
  bytes: new Uint8Array([id]),
  field: "--image",
});
const remote = (url: string, field: string) => ({ type: "remote", url, field }) as const;
const receipts = [{
  media: [{ type: "image", sha256: "aa" }, { type: "image", sha256: "bb" }],
}] as unknown as Receipt[];

Deno.test("given images take the places of those at URLs, a URL the same one each time", async () => {
  const files = new FilesOfRequest({ images: [image(1), image(2)], sounds: [] }, receipts);
  const fetched = async (...urls: string[]) => {
    const images = urls.map((url, at) => remote(url, `images[${at}]`));
    return (await files.preparer.fetchImages!(images)).map(({ bytes, field }) => [bytes[0], field]);
  };
  assertEquals(await fetched("a", "b", "a"), [[1, "images[0]"], [2, "images[1]"], [
    1,
    "images[2]",
  ]]);
  assertEquals(await fetched("b"), [[2, "images[0]"]]);
  files.checkUsed();
  await assertRejects(
    () => Promise.resolve().then(() => fetched("c")),
    ShimmyError,
    "images[0]: give the image at the URL with --image FILE; the receipt names image aa, image bb",
  );
});

Deno.test("files that a request has no place for are named", () => {
  const sounds = [{ ...image(1), type: "audio" }] as const;
  const files = new FilesOfRequest({ images: [image(1)], sounds }, receipts);
  assertThrows(() => files.checkUsed(), ShimmyError, "--image, --audio: the request has fewer");
});

Deno.test("a request for a form has the sound and its fields as a form has them", async () => {
  const sounds = [{ ...image(7), type: "audio" }] as const;
  const files = new FilesOfRequest({ images: [], sounds }, receipts);
  const body = { model: "m", stream: false, include: ["a", "b"] };
  const form = await files.request("/v1/audio/transcriptions", body).formData();
  assertEquals([...form.keys()], ["model", "stream", "include[]", "include[]", "file"]);
  assertEquals(form.get("stream"), "false");
  assertEquals([...new Uint8Array(await (form.get("file") as File).arrayBuffer())], [7]);
  files.checkUsed();
  assertEquals(await files.request("/v1/messages", body).json(), body);
});
