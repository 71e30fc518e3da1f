import { assertEquals, assertThrows } from "@std/assert";
import { resolve } from "node:path";
import { UsageError } from "../options/mod.ts";
import { engineCommand } from "./engine_command.ts";
import { nameOfSharedCache, sharedCacheOf } from "./shared_cache.ts";

const KEYS = { AWS_ACCESS_KEY_ID: "id", AWS_SECRET_ACCESS_KEY: "s3cret" };

function read(given: string | null, env: Record<string, string> = KEYS, key: string | null = null) {
  return sharedCacheOf({ "shared-cache": given, "shared-cache-key": key }, (name) => env[name]);
}

Deno.test("--shared-cache names a directory or a bucket", () => {
  assertEquals(read(null), undefined);
  assertEquals(read("states", {}, "k"), { folder: resolve("states"), secret: "k" });
  const credentials = { accessKeyId: "id", secretAccessKey: "s3cret" };
  assertEquals(read("s3://b"), {
    bucket: {
      ...{ endpoint: "https://s3.us-east-1.amazonaws.com", bucket: "b", prefix: "" },
      ...{ region: "us-east-1", credentials },
    },
    secret: "",
  });
  const url = "s3://b/a%20b/c/?endpoint=http://127.0.0.1:9000&region=eu";
  assertEquals(read(url, { ...KEYS, AWS_SESSION_TOKEN: "t", AWS_REGION: "x" }), {
    bucket: {
      ...{ endpoint: "http://127.0.0.1:9000", bucket: "b", prefix: "a b/c/", region: "eu" },
      credentials: { ...credentials, sessionToken: "t" },
    },
    secret: "",
  });
  const env = { ...KEYS, AWS_REGION: "eu", AWS_ENDPOINT_URL_S3: "https://s3.example" };
  const location = read("s3://b/p", env)!;
  assertEquals(nameOfSharedCache(location), "s3://b/p/ of https://s3.example");
});

Deno.test("a text that cannot be a place is refused without what may be a password", () => {
  const cases: [string, Record<string, string>, string][] = [
    ["http://b", KEYS, "must be a directory, or s3://BUCKET[/PREFIX]"],
    ["", KEYS, "must be a directory, or s3://BUCKET[/PREFIX]"],
    ["s3:/b", KEYS, "must be a directory, or s3://BUCKET[/PREFIX]"],
    ["s3:///p", KEYS, "must be a directory, or s3://BUCKET[/PREFIX]"],
    ["s3://id:s3cret@b", KEYS, "must be a directory, or s3://BUCKET[/PREFIX]"],
    [
      "s3://b/100%",
      KEYS,
      "PREFIX must be percent-encoded UTF-8; a percent sign itself is %25",
    ],
    ["s3://b?zone=a", KEYS, "'zone' is not known; use endpoint or region"],
    ["s3://b?endpoint=b", KEYS, "endpoint must be an http: or https: URL without a path"],
    ["s3://b?endpoint=http://a/b", KEYS, "endpoint must be an http: or https: URL without a path"],
    [
      "s3://b",
      { AWS_ACCESS_KEY_ID: "id" },
      "a bucket needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment",
    ],
  ];
  for (const [given, env, expected] of cases) {
    const { message } = assertThrows(() => read(given, env), UsageError);
    assertEquals(message, `--shared-cache: ${expected}`, given);
  }
});

Deno.test("a model's process may write the directory, or connect to the bucket, and nothing else", () => {
  if (Deno.build.standalone) return;
  const rights = (given: string | null) =>
    engineCommand((name) => name === "XDG_CACHE_HOME" ? "/c" : "/h", undefined, read(given))
      .filter((one) => /^--allow-(net|write)/.test(one)).map((one) =>
        one.replace(/=.*sessions/, "=S")
      );
  assertEquals(rights(null), ["--allow-write=S"]);
  assertEquals(rights("/states"), [`--allow-write=S,${resolve("/states")}`]);
  assertEquals(rights("s3://b"), ["--allow-write=S", "--allow-net=s3.us-east-1.amazonaws.com:443"]);
  assertEquals(rights("s3://b?endpoint=http://[::1]:90"), [
    "--allow-write=S",
    "--allow-net=[::1]:90",
  ]);
});
