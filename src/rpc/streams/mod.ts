/** Connections: exact reads, and a relay between two of them. */
export { acceptAll } from "./accept.ts";
export {
  type ByteStream,
  closeQuietly,
  readExactly,
  StreamEnded,
  writeAll,
} from "./byte_stream.ts";
export { atMost, relay, relayToServer } from "./relay.ts";
