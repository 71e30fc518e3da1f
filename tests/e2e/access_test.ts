/** Keys, TLS, Unix sockets and the audit log of a real server, as a user would try them. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { Machine, Server } from "../cli/machine.ts";
import { AUTHORITY, CERTIFICATES } from "../support/certificates.ts";

const posix = Deno.build.os !== "windows";
const CHAT = {
  messages: [{ role: "user", content: "What is the capital of France?" }],
  temperature: 0,
};

/** A key that `shimmy keys create` prints. */
async function createKey(machine: Machine, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await machine.run(["keys", "create", ...args]);
  assertEquals(code, 0, stderr);
  assertMatch(stdout, /^shimmy-[\w-]+\.[\w-]+\n$/);
  return stdout.trim();
}

/** Asks until an answer fits: a server notices changed files after a moment. */
async function until<T>(ask: () => Promise<T>, fits: (value: T) => boolean): Promise<T> {
  for (let i = 0;; i++) {
    const value = await ask();
    if (fits(value) || i > 400) return value;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

function withKey(key: string): HeadersInit {
  return { authorization: `Bearer ${key}` };
}

Deno.test("a new user makes a key, uses it, revokes it; counters survive a restart", async () => {
  await using machine = await Machine.start();
  assertEquals((await machine.run(["keys", "list"])).code, 1);
  const init = await machine.run(["keys", "init"]);
  assertEquals(init.code, 0);
  const args = ["--name", "laptop", "--scopes", "chat,models:read", "--rate", "100/week"];
  const key = await createKey(machine, ...args, "--tokens", "1M/week", "--models", "shimmy*");
  let used = 0;
  {
    await using server = await Server.start(machine);
    const bare = await fetch(server.url("/v1/models"));
    assertEquals([bare.status, (await bare.json()).error.code], [401, "invalid_api_key"]);
    const response = await fetch(server.url("/v1/chat/completions"), {
      method: "POST",
      headers: withKey(key),
      body: JSON.stringify(CHAT),
    });
    const { choices, usage } = await response.json();
    assertEquals(choices[0].message.content, "The capital of France is Paris.");
    assertEquals(response.headers.get("x-ratelimit-remaining-requests"), "99");
    used = usage.total_tokens;
    assertEquals(response.headers.get("x-ratelimit-remaining-tokens"), String(1e6 - used));
    const unload = await fetch(server.url("/api/models/shimmy-tiny/unload"), {
      method: "POST",
      headers: withKey(key),
    });
    assertEquals(unload.status, 403);
    await unload.body?.cancel();
    server.kill(posix ? "SIGTERM" : "SIGKILL");
    await server.ended();
  }
  if (!posix) return;
  await using server = await Server.start(machine);
  const models = () => fetch(server.url("/v1/models"), { headers: withKey(key) });
  const again = await models();
  await again.body?.cancel();
  assertEquals(again.headers.get("x-ratelimit-remaining-requests"), "98");
  assertEquals(again.headers.get("x-ratelimit-remaining-tokens"), String(1e6 - used));
  const [listed] = JSON.parse((await machine.run(["keys", "list", "--json"])).stdout);
  assertEquals([listed.name, listed.state, listed.used_tokens], ["laptop", "valid", used]);
  assertEquals((await machine.run(["keys", "inspect", "-"], { input: key })).code, 0);
  assertEquals((await machine.run(["keys", "revoke", listed.id])).code, 0);
  const refused = await until(async () => {
    const response = await models();
    return [response.status, await response.text()] as const;
  }, ([status]) => status === 401);
  assertStringIncludes(refused[1], "The API key was revoked");
  const inspected = await machine.run(["keys", "inspect", key]);
  assertEquals(inspected.code, 1);
  assertMatch(inspected.stdout, /state: +revoked/);
});

Deno.test("keys that are made while a server runs are required from then on", async () => {
  await using machine = await Machine.start();
  await using server = await Server.start(machine);
  const status = async (headers: HeadersInit = {}) => {
    const response = await fetch(server.url("/v1/models"), { headers });
    await response.body?.cancel();
    return response.status;
  };
  assertEquals(await status(), 200);
  const key = await createKey(machine, "--name", "first");
  assertEquals(await until(status, (one) => one === 401), 401);
  assertEquals(await status(withKey(key)), 200);
});

Deno.test("an administrator's key makes and revokes keys of a running server over HTTP", async () => {
  await using machine = await Machine.start();
  const admin = await createKey(machine, "--name", "ops", "--scopes", "admin,models:read");
  await using server = await Server.start(machine);
  const ask = async (method: string, path: string, key: string, body?: unknown) => {
    const response = await fetch(server.url(path), {
      method,
      headers: withKey(key),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, json: await response.json() };
  };
  const rights = { name: "guest", scopes: ["models:read"], expires: "30d" };
  const { status, json: { key, id } } = await ask("POST", "/api/keys", admin, rights);
  assertEquals(status, 200);
  // The key is valid at once, and for the command line too.
  assertEquals((await ask("GET", "/v1/models", key)).status, 200);
  assertEquals((await machine.run(["keys", "inspect", key])).code, 0);
  assertEquals((await ask("POST", "/api/keys", key, { name: "n" })).status, 403);
  assertEquals((await ask("DELETE", `/api/keys/${id}`, admin)).json.state, "revoked");
  assertEquals((await ask("GET", "/v1/models", key)).status, 401);
  assertEquals((await machine.run(["keys", "inspect", key])).code, 1);
});

Deno.test("an address beyond this machine needs no API key if there are signed keys", async () => {
  await using machine = await Machine.start();
  const refused = await machine.run(["serve", "--bind", "0.0.0.0:0"]);
  assertEquals(refused.code, 2);
  assertStringIncludes(refused.stderr, "shimmy keys init");
  await machine.run(["keys", "init"]);
  const unusable = await machine.run(["serve", "--port", "0", "--api-key", "schlüssel"]);
  assertEquals(unusable.code, 2);
  assertStringIncludes(unusable.stderr, "--api-key: must consist of visible ASCII characters");
  await using server = await Server.start(machine, ["--bind", "0.0.0.0:0"]);
  const port = server.address.split(":").at(-1);
  const response = await fetch(`http://127.0.0.1:${port}/v1/models`);
  assertEquals(response.status, 401);
  await response.body?.cancel();
});

Deno.test("each request is a line of the audit log, without its texts", async () => {
  await using machine = await Machine.start();
  const key = await createKey(machine, "--name", "watched");
  const path = join(machine.home, "audit.log");
  await using server = await Server.start(machine, ["--port", "0", "--audit", path]);
  const response = await fetch(server.url("/v1/chat/completions"), {
    method: "POST",
    headers: withKey(key),
    body: JSON.stringify(CHAT),
  });
  const { usage } = await response.json();
  await (await fetch(server.url("/v1/models"))).body?.cancel();
  const read = () => Deno.readTextFile(path).catch(() => "");
  const text = await until(read, (one) => one.split("\n").length > 2);
  const [answered, refused] = text.trim().split("\n").map((line) => JSON.parse(line));
  const { time, request, key: id, duration_ms, ...rest } = answered;
  assertEquals(new Date(time).toISOString(), time);
  assertEquals(request, response.headers.get("x-request-id"));
  assertMatch(id, /^[0-9a-f]{16}$/);
  assert(duration_ms >= 0);
  assertEquals(rest, {
    method: "POST",
    route: "/v1/chat/completions",
    model: "shimmy-tiny",
    prompt_tokens: usage.prompt_tokens,
    completion_tokens: usage.completion_tokens,
    status: 200,
  });
  assertEquals([refused.status, refused.key, refused.route], [401, null, "/v1/models"]);
  assert(!/France|Paris/.test(text));
  if (posix) assertEquals((await Deno.stat(path)).mode! & 0o777, 0o600);
});

Deno.test("TLS serves a new certificate without ending the running answer", async () => {
  await using machine = await Machine.start();
  const [cert, key] = ["cert.pem", "key.pem"].map((name) => join(machine.home, name));
  const write = async (index: 0 | 1) => {
    await Deno.writeTextFile(cert!, CERTIFICATES[index].cert);
    await Deno.writeTextFile(key!, CERTIFICATES[index].key);
  };
  await write(0);
  const args = ["--port", "0", "--tls-cert", cert!, "--tls-key", key!];
  await using server = await Server.start(machine, args);
  const url = `https://${server.address}`;
  const trusting = { caCerts: [AUTHORITY] };
  using client = Deno.createHttpClient(trusting);
  const stream = await fetch(`${url}/api/generate`, {
    method: "POST",
    client,
    body: JSON.stringify({
      prompt: "Tell me a story.",
      max_tokens: 700,
      stream: true,
      temperature: 0,
    }),
  });
  const reader = stream.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = (await reader.read()).value ?? "";
  const before = await commonName(server.address);
  await write(1);
  const after = await until(() => commonName(server.address), (name) => name === "Test 2");
  assertEquals([before, after], ["Test 1", "Test 2"]);
  for (let part; !(part = await reader.read()).done;) text += part.value;
  assert(text.endsWith("data: [DONE]\n\n"), text.slice(-100));
  // A key that does not belong to the certificate changes nothing.
  await Deno.writeTextFile(key!, CERTIFICATES[0].key);
  await server.says("The certificate stays unchanged");
  assertEquals(await commonName(server.address), "Test 2");
  if (posix) {
    // Reading a pipe would wait for ever, also when the server ends.
    await Deno.remove(key!);
    await new Deno.Command("mkfifo", { args: [key!] }).output();
    await server.says("not a regular file");
    assertEquals(await commonName(server.address), "Test 2");
  }
  const models = await machine.run(["ps", "--host", url], {
    env: { DENO_CERT: await authority(machine) },
  });
  assertStringIncludes(models.stdout, "shimmy-tiny");
  const untrusting = await machine.run(["ps", "--host", url]);
  assertStringIncludes(untrusting.stderr, "is not trusted; set DENO_CERT to a file");
  server.kill("SIGTERM");
  await server.ended();
});

Deno.test("TLS options that cannot be used are refused at the start", async () => {
  await using machine = await Machine.start();
  const path = join(machine.home, "cert.pem");
  await Deno.writeTextFile(path, CERTIFICATES[0].cert);
  const alone = await machine.run(["serve", "--port", "0", "--tls-cert", path]);
  assertEquals(alone.code, 2);
  assertStringIncludes(alone.stderr, "--tls-cert: needs --tls-key");
  const absent = ["--tls-cert", path, "--tls-key", join(machine.home, "absent.pem")];
  const unread = await machine.run(["serve", "--port", "0", ...absent]);
  assertEquals(unread.code, 1);
  assertStringIncludes(unread.stderr, "--tls-key: cannot read");
  assertEquals(unread.stderr.includes("os error"), false);
  const swapped = ["--tls-cert", path, "--tls-key", path];
  const unusable = await machine.run(["serve", "--port", "0", ...swapped]);
  assertEquals(unusable.code, 1);
  assertStringIncludes(unusable.stderr, `Cannot use --tls-cert ${path} with --tls-key ${path}: `);
});

Deno.test({
  name: "a Unix socket serves its owner, replaces a stale one and is removed at the end",
  ignore: !posix,
  async fn() {
    await using machine = await Machine.start();
    const path = join(machine.home, "s.sock");
    const host = `unix:${path}`;
    {
      await using killed = await Server.start(machine, ["--bind", host]);
      assertEquals(killed.address, host);
      assertEquals((await Deno.stat(path)).mode! & 0o777, 0o600);
      const second = await machine.run(["serve", "--bind", host]);
      assertEquals(second.code, 1);
      assertStringIncludes(second.stderr, "another server listens there");
      killed.kill("SIGKILL");
      await killed.ended();
    }
    await using server = await Server.start(machine, ["--bind", host]);
    using client = Deno.createHttpClient({ proxy: { transport: "unix", path } });
    const response = await fetch("http://localhost/api/generate", {
      method: "POST",
      client,
      body: JSON.stringify({ prompt: "What is the capital of France?", temperature: 0 }),
    });
    assertEquals((await response.json()).response, "The capital of France is Paris.");
    const ps = await machine.run(["ps", "--host", host]);
    assertStringIncludes(ps.stdout, "shimmy-tiny");
    const stopped = await machine.run(["stop", "shimmy-tiny"], { env: { SHIMMY_HOST: host } });
    assertEquals(stopped.code, 0, stopped.stderr);
    server.kill("SIGTERM");
    await server.ended();
    assertEquals(await Deno.stat(path).catch(() => null), null);
    await Deno.writeTextFile(path, "");
    const occupied = await machine.run(["serve", "--bind", host]);
    assertStringIncludes(occupied.stderr, "a file with this name exists");
  },
});

Deno.test("a license is shown, whatever it says, and restricts nothing", async () => {
  await using machine = await Machine.start();
  assertStringIncludes((await machine.run(["license"])).stdout, "Shimmy needs none");
  const issued = await machine.run(["license", "--issue", "Zoë", "--expires", "1y"]);
  const license = issued.stdout.trim();
  const shown = await machine.run(["license"], { env: { SHIMMY_LICENSE: license } });
  assertEquals(shown.code, 0);
  assertMatch(shown.stdout, /name: +Zoë\n[^]*signature: +valid\n[^]*state: +valid/);
  await using other = await Machine.start();
  const foreign = await other.run(["license", license]);
  assertEquals(foreign.code, 1);
  assertMatch(foreign.stdout, /signature: +not made by this signing key/);
  const publicKey = (await machine.run(["keys", "public"])).stdout.trim();
  assertEquals((await other.run(["license", license, "--public-key", publicKey])).code, 0);
  await using server = await Server.start(other, ["--port", "0"], { SHIMMY_LICENSE: license });
  const response = await server.generate({ prompt: "Hi", max_tokens: 1 });
  assertEquals(response.status, 200);
  await response.body?.cancel();
});

/** The name in a server's certificate. */
async function commonName(address: string): Promise<string> {
  const { default: tls } = await import("node:tls");
  const port = Number(address.split(":").at(-1));
  return await new Promise((resolve) => {
    const socket = tls.connect({ host: "127.0.0.1", port, ca: AUTHORITY, servername: "localhost" });
    socket.on("secureConnect", () => {
      resolve(String(socket.getPeerCertificate().subject.CN));
      socket.destroy();
    });
    // The listener is being replaced.
    socket.on("error", () => resolve(""));
  });
}

async function authority(machine: Machine): Promise<string> {
  const path = join(machine.home, "ca.pem");
  await Deno.writeTextFile(path, AUTHORITY);
  return path;
}
