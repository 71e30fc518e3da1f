import { RPC_PROTO_MAJOR_VERSION, RPC_PROTO_MINOR_VERSION } from "../../../ffi/mod.ts";
import { type ByteStream, readExactly, writeAll } from "../streams/mod.ts";

/**
 * Requests to an RPC worker, as in ggml-rpc.cpp: a command in one byte, the size of the input in eight bytes, the
 * input; then the size of the output in eight bytes, the output. Numbers are little-endian.
 */
const COMMAND = { getDeviceMemory: 11, hello: 14, deviceCount: 15 } as const;

/** Bytes in which both sides offer other transports than TCP. Zeros offer none. */
const CAPABILITIES = 24;
/** Major, minor, patch and a byte of padding come before the capabilities. */
const HELLO_OUTPUT = 4 + CAPABILITIES;

/** Version of the protocol. */
export interface ProtocolVersion {
  readonly major: number;
  readonly minor: number;
  readonly patch: number;
}

/** The output is not one of the protocol. */
export class NoWorker extends Error {
  override readonly name = "NoWorker";
}

/** Memory of a worker's device, in bytes. */
export interface WorkerMemory {
  readonly memoryFree: number;
  readonly memoryTotal: number;
}

/** Whether ggml's RPC backend of the pinned version takes a worker of this version. */
export function isSupported({ major, minor }: ProtocolVersion): boolean {
  return major === RPC_PROTO_MAJOR_VERSION && minor <= RPC_PROTO_MINOR_VERSION;
}

/** The first request of a connection. @throws {NoWorker} for an answer of another protocol. */
export async function sayHello(stream: ByteStream): Promise<ProtocolVersion> {
  const output = await request(stream, COMMAND.hello, new Uint8Array(CAPABILITIES), HELLO_OUTPUT);
  return { major: output[0]!, minor: output[1]!, patch: output[2]! };
}

/** Number of the worker's devices. */
export async function countDevices(stream: ByteStream): Promise<number> {
  const output = await request(stream, COMMAND.deviceCount, new Uint8Array(0), 4);
  return new DataView(output.buffer).getUint32(0, true);
}

/** Memory of the device with an index. */
export async function deviceMemory(stream: ByteStream, index: number): Promise<WorkerMemory> {
  const input = new Uint8Array(4);
  new DataView(input.buffer).setUint32(0, index, true);
  const output = new DataView((await request(stream, COMMAND.getDeviceMemory, input, 16)).buffer);
  return {
    memoryFree: Number(output.getBigUint64(0, true)),
    memoryTotal: Number(output.getBigUint64(8, true)),
  };
}

async function request(
  stream: ByteStream,
  command: number,
  input: Uint8Array<ArrayBuffer>,
  outputSize: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const message = new Uint8Array(9 + input.length);
  message[0] = command;
  new DataView(message.buffer).setBigUint64(1, BigInt(input.length), true);
  message.set(input, 9);
  await writeAll(stream, message);
  const size = new DataView((await readExactly(stream, 8)).buffer).getBigUint64(0, true);
  if (size !== BigInt(outputSize)) {
    throw new NoWorker(`Command ${command} returned ${size} bytes instead of ${outputSize}`);
  }
  return await readExactly(stream, outputSize);
}
