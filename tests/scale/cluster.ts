/** Replicas on loopback behind HAProxy, with the configuration of packaging/. */
import { join } from "node:path";
import { freePorts } from "../../scripts/free_port.ts";
import { Machine, Server } from "../cli/machine.ts";

const CONFIG = new URL("../../packaging/proxies/haproxy.cfg", import.meta.url);

/** The servers of the configuration and their ports in it. */
const REPLICAS = [["a", 11441], ["b", 11442], ["c", 11443]] as const;
const PROXY_PORT = 11400;

/** How long anything here may take on a busy machine. */
const PATIENCE_MS = 180_000;

export type ReplicaName = (typeof REPLICAS)[number][0];

/** What a cluster consists of. */
export interface ClusterOptions {
  /** Number of replicas, 1 to 3. */
  readonly replicas?: number;
  /** Further arguments of each replica. */
  readonly args?: readonly string[];
  /** Variables of each replica. */
  readonly env?: Readonly<Record<string, string>>;
  /** Changes the proxy's configuration. */
  readonly edit?: (config: string) => string;
}

/** Changes the configuration so that replicas are selected in turns, without regard to conversations. */
export function inTurns(config: string): string {
  return config.replace("balance hdr(x-shimmy-beginning)", "balance roundrobin")
    .replaceAll(/^ {2}stick .*$/gm, "");
}

export class Cluster implements AsyncDisposable {
  readonly #stack = new AsyncDisposableStack();
  readonly #machine: Machine;
  readonly #replicas = new Map<ReplicaName, Server>();
  readonly #ports: readonly number[];
  readonly #options: ClusterOptions;

  private constructor(machine: Machine, options: ClusterOptions) {
    this.#machine = this.#stack.use(machine);
    this.#ports = freePorts(REPLICAS.length + 2);
    this.#options = options;
  }

  /** Starts the replicas and the proxy. */
  static async start(options: ClusterOptions = {}): Promise<Cluster> {
    const cluster = new Cluster(await Machine.start(), options);
    try {
      await Promise.all(cluster.names.map((name) => cluster.#startReplica(name)));
      await cluster.#startProxy();
      for (const name of cluster.names) await cluster.#reach(name, "UP");
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
    return cluster;
  }

  /** Names of the replicas. */
  get names(): readonly ReplicaName[] {
    return REPLICAS.slice(0, this.#options.replicas).map(([name]) => name);
  }

  /** The address of the proxy. */
  get url(): string {
    return `http://127.0.0.1:${this.#ports.at(-1)}`;
  }

  /** The address of a replica itself. */
  urlOf(name: ReplicaName): string {
    return this.#replicas.get(name)!.url("");
  }

  post(path: string, body: unknown, headers: HeadersInit = {}): Promise<Response> {
    return fetch(`${this.url}${path}`, {
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
    const { args: further = [], env } = this.#options;
    const args = ["--bind", `127.0.0.1:${this.#ports[at]}`, "--no-ui", ...further];
    const server = await Server.start(this.#machine, args, { ...env });
    this.#replicas.set(name, server);
    // The proxy leaves a replica out while it loads its model.
    const deadline = performance.now() + PATIENCE_MS;
    while (true) {
      const response = await fetch(server.url("/ready"));
      const text = await response.text();
      if (response.ok) return;
      if (performance.now() > deadline) throw new Error(`Replica ${name} is not ready: ${text}`);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }

  async #startProxy(): Promise<void> {
    const { edit = (config: string) => config } = this.#options;
    const statusPort = this.#ports.at(-2);
    let config = edit(await Deno.readTextFile(CONFIG))
      .replace(`127.0.0.1:${PROXY_PORT}`, `127.0.0.1:${this.#ports.at(-1)}`)
      .replace("inter 2s", "inter 200ms");
    REPLICAS.forEach(([name, port], at) => {
      const line = `  server ${name} 127.0.0.1:${port}\n`;
      const isUsed = at < this.names.length;
      config = config.replace(line, isUsed ? line.replace(`${port}`, `${this.#ports[at]}`) : "");
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
