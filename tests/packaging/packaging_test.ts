/** Workflows, services, scripts and container files, as the programs that will read them read them. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { TARGETS } from "../../scripts/compile.ts";
import { npmPackage } from "../../src/runtime/library/release.ts";
import { type Variant, VARIANTS } from "../../src/runtime/library/variant.ts";
import { has, run, testWith } from "./tools.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const read = (path: string) => Deno.readTextFile(join(ROOT, path));

const SHELL_SCRIPTS = [
  "packaging/action/start.sh",
  "packaging/docker/shimmy",
  "packaging/release/pack.sh",
];
const ACTIONLINT = "github.com/rhysd/actionlint/cmd/actionlint@v1.7.12";

const go = { name: "Go", here: await has("go", "version") };
const bash = { name: "bash", here: Deno.build.os !== "windows" && await has("bash", "--version") };
const python = { name: "Python 3", here: await has("python3", "--version") };
const shellcheck = { name: "shellcheck", here: await has("shellcheck", "--version") };
const systemd = { name: "systemd-analyze", here: await has("systemd-analyze", "--version") };
const installed = await has("actionlint", "-version");

async function withFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "shimmy-packaging-" });
  try {
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

testWith("actionlint accepts the workflows and finds a mistake", {
  name: "actionlint, and Go to install it,",
  here: installed || go.here,
}, () =>
  withFolder(async (folder) => {
    let actionlint = "actionlint";
    if (!installed) {
      const made = await run(["go", "install", ACTIONLINT], { env: { GOBIN: folder } });
      assertEquals(made.code, 0, made.stderr);
      actionlint = join(folder, "actionlint");
    }
    const workflows = [...Deno.readDirSync(join(ROOT, ".github", "workflows"))]
      .map(({ name }) => join(ROOT, ".github", "workflows", name));
    assertEquals(workflows.length, 3);
    // In the repository, so that local actions are found.
    const { code, stdout, stderr } = await run([actionlint, ...workflows], { cwd: ROOT });
    assertEquals([code, stdout], [0, ""], stderr);

    const broken = join(folder, "broken.yml");
    const text = await Deno.readTextFile(
      workflows.find((path) => path.endsWith("smoke-model.yml"))!,
    );
    await Deno.writeTextFile(broken, text.replace("outputs.openai-base-url", "outputz.base"));
    assertEquals((await run([actionlint, broken], { cwd: ROOT })).code, 1);
  }));

Deno.test("the release builds every target with libraries that are published", async () => {
  const workflow = await read(".github/workflows/release.yml");
  const builds = [...workflow.matchAll(/- target: (\S+)\n\s+runtime: (\S+)/g)];
  assertEquals(builds.map(([, target]) => target).toSorted(), Object.keys(TARGETS).toSorted());
  for (const [, target = "", runtime = ""] of builds) {
    const platform = TARGETS[target]!;
    assert(VARIANTS.includes(runtime as Variant), runtime);
    assert(npmPackage(platform, runtime as Variant) !== null, `${target}: ${runtime}`);
  }
  const tried = [...workflow.matchAll(/- os: \S+\n\s+target: (\S+)/g)].map(([, target]) => target);
  assertEquals(tried.toSorted(), Object.keys(TARGETS).toSorted());
});

Deno.test("one version of Deno is named everywhere", async () => {
  const version = /^readonly DENO_VERSION=(.+)$/m.exec(await read(".ci/run"))?.[1] ?? "";
  assertMatch(version, /^\d+\.\d+\.\d+$/);
  const named = {
    "Dockerfile": /^ARG DENO_VERSION=(.+)$/m,
    ".github/workflows/ci.yml": /DENO_VERSION: (.+)$/m,
    ".github/workflows/release.yml": /DENO_VERSION: (.+)$/m,
    "packaging/action/action.yml": /default: (\d+\.\d+\.\d+)$/m,
  };
  for (const [path, pattern] of Object.entries(named)) {
    assertEquals(pattern.exec(await read(path))?.[1], version, path);
  }
});

testWith("shellcheck accepts the shell scripts", shellcheck, async () => {
  const { code, stdout } = await run(["shellcheck", ...SHELL_SCRIPTS], { cwd: ROOT });
  assertEquals([code, stdout], [0, ""]);
});

testWith(
  "systemd accepts the unit, and it lets V8 compile",
  systemd,
  () =>
    withFolder(async (folder) => {
      const unit = await read("packaging/systemd/shimmy.service");
      const path = join(folder, "shimmy.service");
      const verify = async (text: string) => {
        // The program need not be installed here.
        await Deno.writeTextFile(path, text.replace("/usr/local/bin/shimmy", "/bin/true"));
        return await run(["systemd-analyze", "verify", "--man=no", path]);
      };
      const { code, stderr } = await verify(unit);
      assertEquals([code, stderr], [0, ""]);
      const broken = await verify(unit.replace("ProtectSystem=strict", "ProtectSystem=much"));
      assertStringIncludes(broken.stderr, "Failed to parse protect system value");
      assert(!/^MemoryDenyWriteExecute=/m.test(unit));
    }),
);

testWith("the launchd agent is a property list that runs the server", python, async () => {
  const path = join(ROOT, "packaging", "launchd", "local.shimmy.plist");
  const program = "import json, plistlib, sys; " +
    "print(json.dumps(plistlib.load(open(sys.argv[1], 'rb'))))";
  const { stdout, stderr } = await run(["python3", "-c", program, path]);
  const agent = JSON.parse(stdout || `{"error": ${JSON.stringify(stderr)}}`);
  assertEquals(agent.Label, "local.shimmy");
  assertEquals(agent.ProgramArguments, ["/usr/local/bin/shimmy", "serve"]);
  assertEquals(agent.KeepAlive, { SuccessfulExit: false });
});

testWith("Compose and BuildKit accept the container files", go, async () => {
  const folder = join(ROOT, "tests", "packaging", "containers");
  const files = [join(ROOT, "compose.yaml"), join(ROOT, "Dockerfile")];
  const check = (key: string) =>
    run(["go", "run", ".", ...files], { cwd: folder, env: { SHIMMY_API_KEY: key } });
  const { code, stdout, stderr } = await check("a key");
  assertEquals(code, 0, stderr);
  const { services, stages, warnings } = JSON.parse(stdout);
  assertEquals(warnings, []);
  assertEquals(Object.keys(services).toSorted(), ["cuda", "shimmy"]);
  for (const [name, service] of Object.entries<Record<string, unknown>>(services)) {
    const { target } = service.build as { target: string };
    assert(stages.includes(target), name);
    assertEquals(service.read_only, true, name);
    const [port] = service.ports as { host_ip: string; target: number }[];
    assertEquals([port?.host_ip, port?.target], ["127.0.0.1", 11435], name);
  }
  assertEquals(services.cuda.profiles, ["cuda"]);

  const without = await check("");
  assertEquals(without.code, 1);
  assertStringIncludes(without.stderr, "set SHIMMY_API_KEY to the key that clients must send");
});

testWith(
  "the action's script starts a server and reports where it listens",
  bash,
  () =>
    withFolder(async (folder) => {
      const outputs = join(folder, "outputs");
      await Deno.writeTextFile(outputs, "");
      const { code, stderr } = await run(["bash", join(ROOT, "packaging/action/start.sh")], {
        cwd: folder,
        env: { GITHUB_OUTPUT: outputs, RUNNER_TEMP: folder, SHIMMY_ROOT: ROOT },
      });
      assertEquals(code, 0, stderr);
      const values = new Map(
        (await Deno.readTextFile(outputs)).trim().split("\n")
          .map((line) => line.split("=") as [string, string]),
      );
      try {
        const response = await fetch(`${values.get("base-url")}/v1/chat/completions`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({
            model: "shimmy-tiny",
            messages: [{ role: "user", content: "What is the capital of France?" }],
            temperature: 0,
          }),
        });
        const { choices } = await response.json();
        assertEquals(choices[0].message.content, "The capital of France is Paris.");
      } finally {
        Deno.kill(Number(values.get("pid")), "SIGTERM");
      }
      const failed = await run(["bash", join(ROOT, "packaging/action/start.sh")], {
        cwd: folder,
        env: {
          GITHUB_OUTPUT: outputs,
          RUNNER_TEMP: folder,
          SHIMMY_ROOT: ROOT,
          SHIMMY_ACTION_PORT: "65536",
        },
      });
      assertEquals(failed.code, 1);
      assertStringIncludes(failed.stderr, "Shimmy ended before it listened");
    }),
);

testWith(
  "a release archive holds the program, the licences and the service's files",
  bash,
  () =>
    withFolder(async (folder) => {
      await Deno.mkdir(join(folder, "dist", "libraries"), { recursive: true });
      for (const path of ["deno.json", "LICENSE"]) {
        await Deno.copyFile(join(ROOT, path), join(folder, path));
      }
      assertEquals((await run(["cp", "-r", join(ROOT, "packaging"), folder])).code, 0);
      await Deno.writeTextFile(join(folder, "dist", "shimmy"), "the program");
      await Deno.writeTextFile(join(folder, "dist", "libraries", "LICENSE"), "MIT");
      const target = "x86_64-unknown-linux-gnu";
      const packed = await run([
        "bash",
        join(folder, "packaging/release/pack.sh"),
        target,
        "dist/libraries",
      ]);
      assertEquals(packed.code, 0, packed.stderr);
      const { version } = JSON.parse(await read("deno.json"));
      const name = `shimmy-${version}-${target}`;
      const archive = join(folder, "dist", "release", `${name}.tar.gz`);
      const { stdout } = await run(["tar", "-tvzf", archive]);
      const files = stdout.trim().split("\n").filter((line) => line.startsWith("-"))
        .map((line) => [line.slice(0, 10), line.split(" ").at(-1)!.slice(name.length + 1)]);
      assertEquals(files.map(([, path]) => path), [
        "LICENSE",
        "licences/LICENSE",
        "shimmy",
        "systemd/shimmy.env",
        "systemd/shimmy.service",
      ]);
      assertEquals(files.find(([, path]) => path === "shimmy")?.[0], "-rwxr-xr-x");
    }),
);
