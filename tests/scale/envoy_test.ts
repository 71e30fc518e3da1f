/** The configuration of Envoy, in front of servers that tell their names. */
import { assertEquals, assertGreater } from "@std/assert";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort } from "../../scripts/free_port.ts";
import { run, testWith } from "../packaging/tools.ts";
import { envoy, envoyPath } from "./envoy.ts";
import { until } from "../support/until.ts";
import { ask, reachable, Upstream } from "./upstreams.ts";

const CONFIG = fileURLToPath(new URL("../../packaging/proxies/envoy.yaml", import.meta.url));

/** Envoy with the configuration, in front of three servers. */
async function startProxy(folder: string, upstreams: readonly Upstream[]) {
  const port = freePort();
  let config = (await Deno.readTextFile(CONFIG)).replace("port_value: 11400", `port_value: ${port}`)
    .replaceAll("interval: 2s", "interval: 0.2s");
  upstreams.forEach((upstream, at) => {
    config = config.replace(`port_value: ${11441 + at}`, `port_value: ${upstream.port}`);
  });
  const path = join(folder, "envoy.yaml");
  await Deno.writeTextFile(path, config);
  const child = new Deno.Command(envoyPath(), {
    args: ["-c", path, "--use-dynamic-base-id", "--concurrency", "1", "--log-level", "off"],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.status;
    },
  };
}

const user = (content: unknown) => ({ role: "user", content });
const system = { role: "system", content: "Be brief." };

testWith(
  "Envoy sends equal beginnings to one replica, and goes on to another one",
  envoy,
  async () => {
    const folder = await Deno.makeTempDir({ prefix: "shimmy-envoy-" });
    try {
      await using stack = new AsyncDisposableStack();
      const upstreams = ["a", "b", "c"].map((name) => stack.use(new Upstream(name)));
      const { url } = stack.use(await startProxy(folder, upstreams));
      await reachable(url, "503");
      const chat = `${url}/v1/chat/completions`;
      const asked = (number: number) => `Question ${number}: what is a fox?`;
      const placed = (number: number) => ask(chat, { messages: [user(asked(number))] });

      // A conversation stays where it began, whatever the dialect; others are spread.
      const places: string[] = [];
      for (let number = 0; number < 24; number++) {
        const first = await placed(number);
        places.push(first);
        const more = {
          messages: [user(asked(number)), { role: "assistant", content: "A." }, user("Why?")],
        };
        assertEquals(await ask(chat, more), first);
        assertEquals(await ask(`${url}/v1/messages`, { max_tokens: 4, ...more }), first);
        const part = (text: string) => user([{ type: "text", text }]);
        const parts = await ask(chat, { messages: [part(asked(number))] });
        assertEquals(parts, first);
        const grown = [part(asked(number)), { role: "assistant", content: "A." }, part("Why?")];
        assertEquals(await ask(chat, { messages: grown }), first);
      }
      assertEquals(new Set(places), new Set(["a", "b", "c"]));
      // After a system message, the first other message decides.
      const [withSystem, besideSystem] = [new Set<string>(), new Set<string>()];
      for (let number = 0; number < 24; number++) {
        const messages = [user(asked(number))];
        withSystem.add(await ask(chat, { messages: [system, ...messages] }));
        const text = [{ type: "text", text: "Be brief." }];
        besideSystem.add(await ask(`${url}/v1/messages`, { system: text, messages }));
      }
      assertGreater(Math.min(withSystem.size, besideSystem.size), 1);
      // A prefix that is sent back decides, whatever the messages are.
      const headers = { "x-shimmy-prefix": "0123456789abcdef" };
      const byPrefix = new Set<string>();
      for (let number = 0; number < 6; number++) {
        byPrefix.add(await ask(chat, { messages: [user(asked(number))] }, headers));
      }
      assertEquals(byPrefix.size, 1);

      // A full queue: the request goes to another replica, and the client sees nothing of it.
      const [a] = upstreams;
      const ofA = places.indexOf("a");
      a!.answer = 503;
      assertEquals(["b", "c"].includes(await placed(ofA)), true);
      a!.answer = 200;
      assertEquals(await placed(ofA), "a");
      // A replica that is not ready gets nothing, then its conversations again.
      a!.ready = 503;
      await until(async () => await placed(ofA) !== "a");
      // Its ring has more places for each of the others then, so that some of theirs move too.
      const others = places.keys().filter((number) => places[number] !== "a").toArray();
      const now = await Promise.all(others.map(placed));
      const kept = others.filter((number, at) => places[number] === now[at]);
      assertGreater(kept.length, others.length / 2);
      assertEquals(now.includes("a"), false);
      a!.ready = 200;
      await until(async () => await placed(ofA) === "a");
      // All refuse: so does the proxy.
      for (const upstream of upstreams) upstream.answer = 503;
      assertEquals(await placed(ofA), "503");
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
);

testWith("Envoy accepts its configuration and finds a mistake", envoy, async () => {
  const folder = await Deno.makeTempDir({ prefix: "shimmy-envoy-" });
  try {
    const program = envoyPath();
    const check = async (path: string) =>
      (await run([program, "--mode", "validate", "--log-level", "error", "-c", path])).code;
    assertEquals(await check(CONFIG), 0);
    const broken = join(folder, "broken.yaml");
    const text = await Deno.readTextFile(CONFIG);
    await Deno.writeTextFile(broken, text.replace("lb_policy: RING_HASH", "lb_policy: RING"));
    assertEquals(await check(broken), 1);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
