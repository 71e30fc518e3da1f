/** The configuration of nginx, in front of servers that tell their names. */
import { assert, assertEquals, assertGreater } from "@std/assert";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort } from "../../scripts/free_port.ts";
import { has, run, testWith } from "../packaging/tools.ts";
import { ask, reachable, Upstream } from "./upstreams.ts";

const CONFIG = fileURLToPath(new URL("../../packaging/proxies/nginx.conf", import.meta.url));

const nginx = { name: "nginx", here: await has("nginx", "-v") };

/** The folders of nginx that only root can write. */
const FOLDERS = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];

/** nginx with the configuration, in front of three servers. */
async function startProxy(folder: string, upstreams: readonly Upstream[]) {
  const port = freePort();
  const own = FOLDERS.map((name) => `${name}_temp_path ${folder}/${name};`).join(" ");
  let config = (await Deno.readTextFile(CONFIG)).replace("127.0.0.1:11400", `127.0.0.1:${port}`)
    .replace("http {", `http {\n  access_log off; ${own}`);
  upstreams.forEach((upstream, at) => {
    config = config.replace(`127.0.0.1:${11441 + at}`, `127.0.0.1:${upstream.port}`);
  });
  // The processes of nginx that serve have another user, where root starts it.
  if (Deno.build.os !== "windows") await Deno.chmod(folder, 0o755);
  const path = join(folder, "nginx.conf");
  await Deno.writeTextFile(path, config);
  const child = new Deno.Command("nginx", {
    args: ["-p", folder, "-c", path, "-g", `daemon off; pid ${folder}/pid; error_log /dev/null;`],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  return {
    host: `127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      // SIGKILL would leave its other processes behind.
      child.kill("SIGTERM");
      await child.status;
    },
  };
}

/** Starts three servers and the proxy, for a test. */
async function behindNginx(
  fn: (upstreams: readonly Upstream[], host: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "shimmy-nginx-" });
  try {
    await using stack = new AsyncDisposableStack();
    const upstreams = ["a", "b", "c"].map((name) => stack.use(new Upstream(name)));
    const { host } = stack.use(await startProxy(folder, upstreams));
    await reachable(`http://${host}`, "502");
    await fn(upstreams, host);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

testWith(
  "nginx sends equal prefixes to one replica, and goes on to another one",
  nginx,
  () =>
    behindNginx(async (upstreams, host) => {
      const chat = `http://${host}/v1/chat/completions`;
      const placed = (number: number) =>
        ask(chat, { number }, { "x-shimmy-prefix": number.toString(16).padStart(16, "0") });
      const places: string[] = [];
      for (let number = 0; number < 24; number++) places.push(await placed(number));
      assertEquals(new Set(places), new Set(["a", "b", "c"]));
      const again = async () => await Promise.all(places.keys().map(placed));
      assertEquals(await again(), places);
      // Without a prefix, the key decides.
      const keyed = (key: number) => ask(chat, {}, { authorization: `Bearer key-${key}` });
      const byKey = await Promise.all(Array.from({ length: 24 }, (_, key) => keyed(key)));
      assertGreater(new Set(byKey).size, 1);
      assertEquals(await Promise.all(byKey.keys().map(keyed)), byKey);

      const [a] = upstreams;
      const ofA = places.indexOf("a");
      /** All others stay where they are, and those of a go to the other replicas. */
      const isSpread = async () => {
        const now = await again();
        now.forEach((place, at) => {
          if (places[at] === "a") assert(["b", "c"].includes(place), place);
          else assertEquals(place, places[at]);
        });
      };
      // A full queue.
      a!.answer = 503;
      await isSpread();
      const headers = { "x-shimmy-prefix": ofA.toString(16).padStart(16, "0") };
      const response = await fetch(chat, { method: "POST", body: "{}", headers });
      const other = upstreams.find(({ name }) => name === response.headers.get("x-upstream"));
      assertEquals(response.headers.get("x-shimmy-replica"), `127.0.0.1:${other!.port}`);
      assertEquals(await response.text(), other!.name);
      // Its conversations come back with the next request.
      a!.answer = 200;
      assertEquals(await again(), places);
      // A replica that ends, and starts again.
      await a!.stop();
      await isSpread();
      a!.start();
      assertEquals(await again(), places);
    }),
);

testWith(
  "nginx passes refusals on only while all replicas refuse",
  nginx,
  () =>
    behindNginx(async (upstreams, host) => {
      const chat = `http://${host}/v1/chat/completions`;
      for (const upstream of upstreams) upstream.answer = 503;
      for (let count = 0; count < 3; count++) {
        const response = await fetch(chat, { method: "POST", body: "{}" });
        await response.body?.cancel();
        assertEquals([response.status, response.headers.get("retry-after")], [503, "1"]);
      }
      for (const upstream of upstreams) upstream.answer = 200;
      assertEquals(
        (await fetch(chat, { method: "POST", body: "{}" }).then((r) => r.text())).length,
        1,
      );
    }),
);

testWith(
  "nginx passes streams on as they come, and WebSockets",
  nginx,
  () =>
    behindNginx(async (upstreams, host) => {
      const response = await fetch(`http://${host}/stream`);
      const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
      const { value: name } = await reader.read();
      // The rest does not exist yet.
      upstreams.find((upstream) => upstream.name === name)!.goOn();
      assertEquals(await reader.read(), { value: "rest", done: false });
      assertEquals((await reader.read()).done, true);

      const socket = new WebSocket(`ws://${host}/ws/generate`);
      const { promise, resolve, reject } = Promise.withResolvers<string>();
      socket.onopen = () => socket.send("hello");
      socket.onmessage = ({ data }) => resolve(data);
      socket.onerror = () => reject(new Error("The WebSocket has failed"));
      const said = await promise;
      const closed = new Promise((resolve) => socket.onclose = resolve);
      socket.close();
      await closed;
      assert(/^[abc]: hello$/.test(said), said);
    }),
);

testWith("nginx accepts its configuration and finds a mistake", nginx, async () => {
  const folder = await Deno.makeTempDir();
  try {
    const check = async (path: string) =>
      await run(["nginx", "-t", "-c", path, "-p", folder, "-g", `pid ${folder}/pid;`]);
    const { code, stderr } = await check(CONFIG);
    assertEquals(code, 0, stderr);
    const broken = `${folder}/broken.conf`;
    const text = await Deno.readTextFile(CONFIG);
    await Deno.writeTextFile(broken, text.replace("consistent;", "constant;"));
    assertEquals((await check(broken)).code, 1);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
