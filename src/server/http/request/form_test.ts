import { assertEquals } from "@std/assert";
import { serverDouble } from "../../../../tests/doubles/server.ts";
import { nativeDialect } from "../../api/native/mod.ts";
import { readForm } from "./form.ts";
import type { Route } from "../route.ts";

/** A route that responds with what it reads. */
const route: Route = {
  method: "POST",
  path: "/form",
  scope: "any",
  dialect: nativeDialect,
  summary: "Read a form",
  isForm: true,
  async handle(exchange) {
    const { fields, files } = await readForm(exchange);
    const sizes = [...files].map(([name, bytes]) => [name, [...bytes]]);
    return Response.json({ fields, files: Object.fromEntries(sizes) });
  },
};

function send(body: BodyInit, headers?: HeadersInit): Promise<Response> {
  const { handler } = serverDouble({ routes: [route] });
  const init = { method: "POST", body, ...(headers === undefined ? {} : { headers }) };
  return handler(new Request("http://127.0.0.1/form", init));
}

async function errorOf(body: BodyInit, headers?: HeadersInit): Promise<unknown> {
  const response = await send(body, headers);
  assertEquals(response.status, 400);
  return (await response.json()).error;
}

Deno.test("fields, lists and files of a form are read", async () => {
  const form = new FormData();
  form.set("text", "höllo\nyou");
  form.append("list[]", "a");
  form.append("list[]", "b");
  form.set("__proto__", "own");
  form.set("file", new File([new Uint8Array([0, 13, 10, 45, 45, 255])], "a.bin"));
  const response = await send(form);
  assertEquals(response.status, 200);
  const { fields, files } = await response.json();
  assertEquals(fields.text.replaceAll("\r\n", "\n"), "höllo\nyou");
  assertEquals(fields.list, ["a", "b"]);
  assertEquals(Object.getOwnPropertyDescriptor(fields, "__proto__")?.value, "own");
  assertEquals(files, { file: [0, 13, 10, 45, 45, 255] });
});

Deno.test("a body that is no form is refused", async () => {
  const type = "content-type: must be multipart/form-data with a boundary";
  assertEquals(await errorOf("{}", { "content-type": "application/json" }), type);
  assertEquals(await errorOf("x", { "content-type": "multipart/form-data" }), type);
  for (const body of ["x", "--b\r\n", "--b\r\ncontent-disposition: form-data\r\n\r\nx"]) {
    const message = await errorOf(body, { "content-type": "multipart/form-data; boundary=b" });
    assertEquals(String(message).startsWith("body: is no form: "), true, `${body}: ${message}`);
  }
});

Deno.test("a field that is given twice is refused", async () => {
  const form = new FormData();
  form.append("model", "a");
  form.append("model", "b");
  assertEquals(await errorOf(form), "model: is given twice");
});

Deno.test("a form with more parts than allowed is refused", async () => {
  const form = new FormData();
  for (let part = 0; part < 101; part++) form.set(`f${part}`, "");
  assertEquals(String(await errorOf(form)).startsWith("body: is no form: "), true);
});

Deno.test("other work is done while a form is searched for its boundary", async () => {
  const boundary = "a".repeat(70);
  const head = `--${boundary}\r\ncontent-disposition: form-data; name="f"; filename="f"\r\n\r\n`;
  const body = `${head}${"a".repeat(1 << 19)}\r\n--${boundary}--\r\n`;
  let turns = 0;
  const timer = setInterval(() => turns++, 0);
  try {
    const response = await send(body, {
      "content-type": `multipart/form-data; boundary=${boundary}`,
    });
    assertEquals((await response.json()).files.f.length, 1 << 19);
  } finally {
    clearInterval(timer);
  }
  assertEquals(turns >= 4, true, `${turns} turns`);
});

Deno.test("a form whose names are not UTF-8 is refused", async () => {
  const text = '--b\r\ncontent-disposition: form-data; name="caf\u00e9"\r\n\r\nx\r\n--b--\r\n';
  const body = Uint8Array.from(text, (character) => character.charCodeAt(0));
  const message = await errorOf(body, { "content-type": "multipart/form-data; boundary=b" });
  assertEquals(String(message).startsWith("body: is no form: "), true, String(message));
});
