/** The Helm chart and the manifests, as Helm and a validator of Kubernetes' schemas read them. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { kubernetesTools, provideHelm, provideValidator } from "./helm.ts";
import { run, testWith } from "./tools.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const CHART = join(ROOT, "packaging", "helm", "shimmy");
const MANIFESTS = join(ROOT, "packaging", "kubernetes", "shimmy.yaml");

/** The oldest and the newest Kubernetes that the objects are checked for. */
const VERSIONS = ["1.27.0", "1.37.0"];

/** Values that use every part of the chart. */
const ALL_VALUES = [
  "gpu.count=2",
  "autoscaling.enabled=false",
  "replicas=3",
  "model=hf:owner/repository",
  "models.existingClaim=shared",
  "monitoring.enabled=true",
  "drainSeconds=60",
  "env.SHIMMY_KEEP_ALIVE=10m",
  "envFrom[0].secretRef.name=store",
  "volumes[0].name=states",
  "volumes[0].persistentVolumeClaim.claimName=states",
  "volumeMounts[0].name=states",
  "volumeMounts[0].mountPath=/states",
  "nodeSelector.pool=gpu",
  "tolerations[0].key=gpu",
  "tolerations[0].operator=Exists",
];

testWith(
  "the chart renders the manifests, and valid objects with every value",
  kubernetesTools,
  async () => {
    const folder = await Deno.makeTempDir({ prefix: "shimmy-kubernetes-" });
    try {
      const [helm, validator] = [await provideHelm(folder), await provideValidator(folder)];
      const lint = await run([helm, "lint", "--strict", CHART]);
      assertEquals(lint.code, 0, lint.stdout + lint.stderr);
      const render = async (values: readonly string[]) => {
        const sets = values.flatMap((value) => ["--set", value]);
        const { code, stdout, stderr } = await run([helm, "template", "shimmy", CHART, ...sets]);
        assertEquals(code, 0, stderr);
        return stdout;
      };
      const validate = async (text: string, version: string) => {
        const path = join(folder, "objects.yaml");
        await Deno.writeTextFile(path, text);
        return await run([validator, "--strict", "--kubernetes-version", version, path]);
      };

      const plain = await render([]);
      const [, manifests] = /^#[^\n]*\n([^]*)$/.exec(await Deno.readTextFile(MANIFESTS)) ?? [];
      assertEquals(manifests, plain, `helm template shimmy ${CHART} renders other manifests`);
      const full = await render(ALL_VALUES);
      // The schema of the operator's object is its own.
      const [own, monitor] = [objectsOf(full, false), objectsOf(full, true)];
      assertStringIncludes(monitor, "kind: PodMonitor");
      for (const version of VERSIONS) {
        for (const text of [plain, own]) {
          const { code, stdout, stderr } = await validate(text, version);
          assertEquals(code, 0, stdout + stderr);
        }
      }
      const broken = plain.replace("averageValue:", "averageValues:");
      assertEquals((await validate(broken, VERSIONS[0]!)).code, 1);

      assertStringIncludes(plain, "name: shimmy_queue_depth");
      assertStringIncludes(full, "nvidia.com/gpu: 2");
      assertStringIncludes(full, 'args: ["serve", "--drain", "60", "--yes"]');
      assertStringIncludes(full, "terminationGracePeriodSeconds: 75");
      assertStringIncludes(full, "claimName: shared");
      assertMatch(full, /name: SHIMMY_BASE_GGUF\s+value: "hf:owner\/repository"/);
      assertMatch(full, /name: SHIMMY_KEEP_ALIVE\s+value: "10m"/);
      assertMatch(full, /envFrom:\s+- secretRef:\s+name: store\n/);
      assertMatch(full, /- mountPath: \/states\s+name: states\n/);
      assertMatch(full, /- name: states\s+persistentVolumeClaim:\s+claimName: states\n/);
      assertMatch(full, /nodeSelector:\s+pool: gpu\s+tolerations:/);
      assertEquals(/HorizontalPodAutoscaler|PersistentVolumeClaim\n/.test(full), false);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
);

/** The documents of the operator's kinds, or those of Kubernetes' own. */
function objectsOf(text: string, isOperators: boolean): string {
  return text.split(/^---$/m)
    .filter((document) => document.includes("monitoring.coreos.com") === isOperators)
    .join("---");
}

Deno.test("the health check asks for /ready with the key, and for /health without one", async () => {
  const keys: (string | null)[] = [];
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    ({ url, headers }) => {
      keys.push(headers.get("authorization"));
      return new Response(null, { status: new URL(url).pathname === "/ready" ? 503 : 200 });
    },
  );
  const script = await Deno.readTextFile(join(ROOT, "packaging", "docker", "health.js"));
  const folder = await Deno.makeTempDir();
  try {
    const path = join(folder, "health.js");
    await Deno.writeTextFile(path, script.replaceAll("11435", String(server.addr.port)));
    const check = async (...args: readonly string[]) => {
      const rights = [`--allow-net=127.0.0.1:${server.addr.port}`, "--allow-env=SHIMMY_API_KEY"];
      const command = [Deno.execPath(), "run", "--no-config", "--no-prompt", ...rights, path];
      return (await run([...command, ...args], { env: { SHIMMY_API_KEY: "secret" } })).code;
    };
    assertEquals([await check(), await check("/health"), await check("/ready")], [0, 0, 1]);
    assertEquals(keys, [null, null, "Bearer secret"]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
