/** Replicas on loopback behind HAProxy, with the configuration of packaging/. */
import { join } from "@std/path";
import { Machine, Server } from "../cli/machine.ts";

const CONFIG = new URL("../../packaging/proxies/haproxy.cfg", import.meta.url);

/** The servers of the configuration and their ports in it. */
const REPLICAS = [["a", 11441], ["b", 11442], ["c", 11443]] as const;
const PROXY_PORT = 11400;

/** How long anything here may take on a busy machine. */
const PATIENCE_MS = 60_000;

export type ReplicaName = (typeof REPLICAS)[number][0];

/** Free ports, all different. */
function freePorts(count: number): number[] {
  using stack = new DisposableStack();
  return Array.from({ length: count }, () => {
    const listener = stack.use(Deno.listen({ hostname: "127.0.0.1", port: 0 }));
    return listener.addr.port;
  });
}

export class Cluster implements AsyncDisposable {
  readonly #stack = new AsyncDisposableStack();
  readonly #machine: Machine;
  readonly #replicas = new Map<ReplicaName, Server>();
  readonly #ports: readonly number[];

  private constructor(machine: Machine) {
    this.#machine = this.#stack.use(machine);
    this.#ports = freePorts(REPLICAS.length + 2);
  }

  /** Starts the replicas and the proxy. @param edit changes the proxy's configuration. */
  static async start(edit: (config: string) => string = (config) => config): Promise<Cluster> {
    const cluster = new Cluster(await Machine.start());
    try {
      await Promise.all(REPLICAS.map(([name]) => cluster.#startReplica(name)));
      await cluster.#startProxy(edit);
      for (const [name] of REPLICAS) await cluster.#reach(name, "UP");
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
    return cluster;
  }

  /** Names of the replicas. */
  get names(): readonly ReplicaName[] {
    return REPLICAS.map(([name]) => name);
  }

  post(path: string, body: unknown, headers: HeadersInit = {}): Promise<Response> {
    return fetch(`http://127.0.0.1:${this.#ports.at(-1)}${path}`, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify(body),
    });
  }

  /** Stops a replica as a service manager does and starts it again. @returns its exit status. */
  async restart(name: ReplicaName): Promise<number> {
    const server = this.#replicas.get(name)!;
    server.kill("SIGTERM");
    const { code } = await server.ended();
    await this.#startReplica(name);
    await this.#reach(name, "UP");
    return code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.#replicas.values()) await server[Symbol.asyncDispose]();
    await this.#stack.disposeAsync();
  }

  async #startReplica(name: ReplicaName): Promise<void> {
    const at = REPLICAS.findIndex(([one]) => one === name);
    const args = ["--bind", `127.0.0.1:${this.#ports[at]}`, "--no-ui"];
    this.#replicas.set(name, await Server.start(this.#machine, args));
  }

  async #startProxy(edit: (config: string) => string): Promise<void> {
    const statusPort = this.#ports.at(-2);
    let config = edit(await Deno.readTextFile(CONFIG))
      .replace(`127.0.0.1:${PROXY_PORT}`, `127.0.0.1:${this.#ports.at(-1)}`)
      .replace("inter 2s", "inter 200ms");
    REPLICAS.forEach(([, port], at) => {
      config = config.replace(`127.0.0.1:${port}`, `127.0.0.1:${this.#ports[at]}`);
    });
    config += `
frontend status
  bind 127.0.0.1:${statusPort}
  stats enable
  stats uri /
`;
    const path = join(this.#machine.home, "haproxy.cfg");
    await Deno.writeTextFile(path, config);
    const proxy = new Deno.Command("haproxy", {
      args: ["-f", path],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    this.#stack.defer(async () => {
      try {
        proxy.kill("SIGKILL");
      } catch {
        // It has ended.
      }
      await proxy.status;
    });
  }

  /** Waits until the proxy's checks say that a replica has a status. */
  async #reach(name: ReplicaName, wanted: string): Promise<void> {
    const deadline = performance.now() + PATIENCE_MS;
    for (let status = "unknown"; status !== wanted;) {
      if (performance.now() > deadline) throw new Error(`Replica ${name} is ${status}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
      status = await this.#status(name).catch(() => "unknown");
    }
  }

  async #status(name: ReplicaName): Promise<string> {
    const response = await fetch(`http://127.0.0.1:${this.#ports.at(-2)}/;csv`);
    const [header, ...rows] = (await response.text()).split("\n").map((line) => line.split(","));
    const row = rows.find(([proxy, server]) => proxy === "replicas" && server === name);
    return row?.[header!.indexOf("status")] ?? "unknown";
  }
}
