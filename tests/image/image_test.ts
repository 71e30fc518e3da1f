/**
 * The Dockerfile's steps, carried out in a Debian made by `debootstrap`, and the result started as
 * compose.yaml starts it. Not a container engine's own work: docs/install.md says what that leaves out.
 */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runUnderSystemd } from "./systemd.ts";
import {
  buildTarget,
  type Container,
  type Image,
  startContainer,
} from "../../scripts/packaging/image.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const KEY = "a-key-of-the-test";

/** Why the steps cannot be carried out here, or `null`. */
function obstacle(): string | null {
  if (Deno.build.os !== "linux") return "it needs Linux";
  if (Deno.uid() !== 0) return "it needs root";
  for (const program of ["debootstrap", "unshare", "nsenter", "ip", "setpriv"]) {
    if (!isInstalled(program)) return `${program} is missing`;
  }
  return null;
}

function isInstalled(program: string): boolean {
  return (Deno.env.get("PATH") ?? "").split(":").some((folder) => {
    try {
      return Deno.statSync(join(folder, program)).isFile;
    } catch {
      return false;
    }
  });
}

const why = obstacle();
if (why !== null) console.error(`The image's steps are not tested: ${why}`);

async function denoFolder(): Promise<string> {
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
  return JSON.parse(new TextDecoder().decode(stdout)).denoDir;
}

async function build(into: string): Promise<Image> {
  return await buildTarget("cpu", {
    context: ROOT,
    into,
    baseCache: join(ROOT, "dist", "debian"),
    caches: { "/deno-dir": await denoFolder() },
    files: (image) => {
      if (!image.startsWith("denoland/deno:bin-")) return null;
      assertEquals(image, `denoland/deno:bin-${Deno.version.deno}`);
      return { "/deno": Deno.execPath() };
    },
  });
}

/** Runs the image's own health check until it succeeds. */
async function healthy(container: Container, image: Image): Promise<void> {
  for (const end = Date.now() + 30_000; Date.now() < end;) {
    const { code } = await container.exec(image.settings.health ?? []);
    if (code === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  throw new Error(`The container does not become healthy: ${container.printed.text}`);
}

Deno.test({
  name: "the Dockerfile's steps make a server that runs without network, rights or a writable root",
  ignore: why !== null,
  fn: async (t) => {
    const work = await Deno.makeTempDir({ prefix: "shimmy-image-" });
    await using _work = { [Symbol.asyncDispose]: () => Deno.remove(work, { recursive: true }) };
    const image = await build(join(work, "stages"));
    const data = join(work, "data");
    // A new volume takes the owner that the folder has in the image.
    const { uid, gid } = await Deno.stat(join(image.root, "data"));
    await Deno.mkdir(data);
    await Deno.chown(data, uid, gid);
    const volumes = { "/data": data };
    assertEquals(image.settings.volumes, ["/data"]);

    await t.step("it refuses to listen beyond the container without a key", async () => {
      await using container = await startContainer(image, { volumes });
      for (const end = Date.now() + 20_000; Date.now() < end;) {
        if (container.printed.text.includes("--api-key")) break;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      assertStringIncludes(container.printed.text, "--api-key");
    });

    await using container = await startContainer(image, {
      volumes,
      env: { SHIMMY_API_KEY: KEY },
    });
    await t.step("the health check succeeds", () => healthy(container, image));

    await t.step("it answers with the key and not without", async () => {
      const ask = (headers: Record<string, string>) =>
        container.exec([
          "deno",
          "eval",
          "--no-config",
          `const response = await fetch("http://127.0.0.1:11435/api/generate", {
            method: "POST",
            headers: ${JSON.stringify({ "content-type": "application/json", ...headers })},
            body: JSON.stringify({ prompt: "What is the capital of France?", temperature: 0 }),
          });
          console.log(response.status, (await response.json()).response);`,
        ]);
      const allowed = await ask({ authorization: `Bearer ${KEY}` });
      assertEquals(allowed.stdout.trim(), "200 The capital of France is Paris.", allowed.stderr);
      const refused = await ask({});
      assertMatch(refused.stdout, /^401 /, refused.stderr);
    });

    await t.step("its user has no rights, and the root cannot be written", async () => {
      const { stdout } = await container.exec(["sh", "-c", "id -u; grep CapEff /proc/self/status"]);
      assertEquals(stdout.replaceAll(/\s+/g, " ").trim(), "10001 CapEff: 0000000000000000");
      const written = await container.exec(["sh", "-c", "echo x > /opt/shimmy/x"]);
      assert(written.code !== 0);
      assertStringIncludes(written.stderr, "Read-only file system");
    });

    await t.step("the command line works beside the server", async () => {
      const info = await container.exec(["shimmy", "gpu-info", "--json"]);
      assertEquals(info.code, 0, info.stderr);
      assertEquals(JSON.parse(info.stdout).chosen, "cpu");
      const list = await container.exec(["shimmy", "list"]);
      assertStringIncludes(list.stdout, "shimmy-tiny", list.stderr);
    });

    await t.step("SIGTERM ends it with status 0", async () => {
      assertEquals(await container.stop(), 0, container.printed.text);
      assertStringIncludes(container.printed.text, "listens on");
    });

    await t.step("libllama and its licences are in the image", async () => {
      const names = [...Deno.readDirSync(join(image.root, "opt", "shimmy", "lib"))]
        .map(({ name }) => name);
      assert(names.some((name) => name.startsWith("libllama")), names.join());
      assert(names.includes("LICENSE"), names.join());
      const licence = await Deno.readTextFile(join(image.root, "opt", "shimmy", "LICENSE"));
      assertStringIncludes(licence, "MIT");
    });

    await t.step({
      name: "the systemd unit runs the server, with its own user and without rights",
      ignore: !isInstalled("systemd-nspawn"),
      fn: async () => {
        const { answer, health, status, show, state } = await runUnderSystemd(image);
        assertStringIncludes(answer, '"response":"The capital of France is Paris."');
        assertEquals(JSON.parse(health).status, "ok");
        assertMatch(status, /^CapEff:\s+0+$/m);
        assertMatch(status, /^NoNewPrivs:\s+1$/m);
        assertMatch(status, /^Seccomp:\s+2$/m);
        assert(!/^Uid:\s+0\s/m.test(status), status);
        assertStringIncludes(state, "models");
        assertStringIncludes(show, "Result=success");
        assertStringIncludes(show, "ExecMainStatus=0");
      },
    });
  },
});
