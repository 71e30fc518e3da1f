import { assertEquals, assertThrows } from "@std/assert";
import { type OpenApi, operationsOf, resolve } from "./openapi.ts";

const DOCUMENT = {
  info: { version: "1.2.3" },
  paths: {
    "/api/models/{name}/load": {
      post: {
        operationId: "load",
        summary: "Load a model",
        tags: ["native"],
        "x-shimmy-scope": "admin",
        parameters: [
          { $ref: "#/components/parameters/strict" },
          { name: "name", in: "path", required: true },
        ],
        requestBody: { required: false, content: { "application/json": { schema: {} } } },
        responses: {
          "200": {
            content: {
              "application/json": { schema: { type: "object" } },
              "text/event-stream": { schema: { type: "string" } },
            },
          },
        },
      },
    },
    "/ws": { get: { operationId: "ws", summary: "Socket", responses: { "101": {} } } },
  },
  components: { parameters: { strict: { name: "x-strict", in: "header" } } },
} as const;

Deno.test("routes are read with their parameters, bodies and streams", () => {
  const [load, socket] = operationsOf(DOCUMENT as unknown as OpenApi);
  assertEquals([load!.method, load!.path, load!.scope], [
    "POST",
    "/api/models/{name}/load",
    "admin",
  ]);
  assertEquals(load!.parameters.map(({ name }) => name), ["x-strict", "name"]);
  assertEquals([load!.body, load!.isBodyRequired, load!.answer], [{}, false, { type: "object" }]);
  assertEquals([load!.streams, load!.isUpgrade], [["text/event-stream"], false]);
  assertEquals([socket!.isUpgrade, socket!.tag, socket!.body], [true, "other", null]);
});

Deno.test("a reference that leads nowhere is an error", () => {
  assertThrows(() => resolve(DOCUMENT, { $ref: "#/components/none" }), TypeError, "leads nowhere");
});
