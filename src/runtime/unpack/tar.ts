/** Reads tar archives of GNU tar and bsdtar: POSIX.1-1988 (ustar), pax, GNU's long names. */

/** An entry of an archive. Its body must be read or skipped before the next entry. */
export interface TarEntry {
  readonly name: string;
  readonly type: "file" | "link" | "other";
  /** Target of a symbolic link. */
  readonly target: string;
  readonly body: AsyncIterable<Uint8Array<ArrayBuffer>>;
}

const BLOCK = 512;
/** Maximum size of an extension header. Names are much shorter. */
const MAX_EXTENSION_BYTES = 64 * 1024;

/**
 * Reads the entries of an archive in order.
 *
 * @throws {Error} If the archive is damaged or truncated.
 */
export async function* readTar(archive: ReadableStream<Uint8Array>): AsyncGenerator<TarEntry> {
  const reader = archive.getReader();
  const bytes = new ByteReader(reader);
  const extensions = new Map<string, string>();
  try {
    while (true) {
      const block = await bytes.exactly(BLOCK);
      // Two zero blocks end an archive. The second one is ignored.
      if (block.every((byte) => byte === 0)) return;
      const header = readHeader(block);
      const { type } = header;
      if (type === "x" || type === "L" || type === "K") {
        readExtension(type, await bytes.exactly(checkLength(header.size)), extensions);
        await bytes.skip(padding(header.size));
        continue;
      }
      const size = Number(extensions.get("size") ?? header.size);
      const body = new EntryBody(bytes, size);
      yield {
        name: extensions.get("path") ?? header.name,
        type: type === "0" || type === "\0" ? "file" : type === "2" ? "link" : "other",
        target: extensions.get("linkpath") ?? header.target,
        body,
      };
      extensions.clear();
      await bytes.skip(body.left + padding(size));
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

function checkLength(size: number): number {
  if (size > MAX_EXTENSION_BYTES) throw new Error("the archive has an extension that is too long");
  return size;
}

/** Bytes of padding in an entry's last block. */
function padding(size: number): number {
  return (BLOCK - size % BLOCK) % BLOCK;
}

interface Header {
  readonly name: string;
  readonly size: number;
  readonly type: string;
  readonly target: string;
}

function readHeader(block: Uint8Array): Header {
  // The checksum treats its own field as spaces.
  const sum = block.reduce((sum, byte, at) => sum + (at >= 148 && at < 156 ? 32 : byte), 0);
  if (readNumber(block, 148, 8) !== sum) throw new Error("the archive is damaged");
  const name = readText(block, 0, 100);
  const prefix = readText(block, 257, 6) === "ustar" ? readText(block, 345, 155) : "";
  return {
    name: prefix ? `${prefix}/${name}` : name,
    size: readNumber(block, 124, 12),
    type: String.fromCharCode(block[156] ?? 0),
    target: readText(block, 157, 100),
  };
}

function readText(block: Uint8Array, at: number, length: number): string {
  const field = block.subarray(at, at + length);
  const end = field.indexOf(0);
  return new TextDecoder().decode(end < 0 ? field : field.subarray(0, end));
}

/**
 * Parses octal digits. GNU's form for files over 8 GiB is not supported, as no library is that
 * large.
 */
function readNumber(block: Uint8Array, at: number, length: number): number {
  const text = readText(block, at, length).trim();
  if (!/^[0-7]*$/.test(text)) throw new Error("the archive is damaged");
  return parseInt(text || "0", 8);
}

/** Reads an extension of the next entry: pax records, or GNU's long name or link target. */
function readExtension(
  type: "x" | "L" | "K",
  bytes: Uint8Array,
  extensions: Map<string, string>,
): void {
  if (type !== "x") {
    extensions.set(type === "L" ? "path" : "linkpath", readText(bytes, 0, bytes.length));
    return;
  }
  // Each record is `LENGTH KEY=VALUE\n`. The length counts the whole record in bytes.
  for (let at = 0; at < bytes.length;) {
    const length = parseInt(readText(bytes, at, bytes.length - at), 10);
    if (!(length > 0)) throw new Error("the archive is damaged");
    const record = readText(bytes, at, length - 1);
    const key = record.slice(record.indexOf(" ") + 1, record.indexOf("="));
    extensions.set(key, record.slice(record.indexOf("=") + 1));
    at += length;
  }
}

/** Reads a stream in chunks of requested sizes. */
class ByteReader {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #rest = new Uint8Array();

  constructor(reader: ReadableStreamDefaultReader<Uint8Array>) {
    this.#reader = reader;
  }

  /** Returns the next bytes, at least one and at most `limit`. */
  async some(limit: number): Promise<Uint8Array<ArrayBuffer>> {
    while (this.#rest.length === 0) {
      const { done, value } = await this.#reader.read();
      if (done) throw new Error("the archive ends early");
      this.#rest = value as Uint8Array<ArrayBuffer>;
    }
    const bytes = this.#rest.subarray(0, limit);
    this.#rest = this.#rest.subarray(bytes.length);
    return bytes;
  }

  async exactly(length: number): Promise<Uint8Array<ArrayBuffer>> {
    const all = new Uint8Array(length);
    for (let at = 0; at < length;) {
      const bytes = await this.some(length - at);
      all.set(bytes, at);
      at += bytes.length;
    }
    return all;
  }

  async skip(length: number): Promise<void> {
    while (length > 0) length -= (await this.some(length)).length;
  }
}

/** The bytes of one entry. */
class EntryBody implements AsyncIterable<Uint8Array<ArrayBuffer>> {
  readonly #bytes: ByteReader;
  /** Unread bytes. */
  left: number;

  constructor(bytes: ByteReader, size: number) {
    this.#bytes = bytes;
    this.left = size;
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Uint8Array<ArrayBuffer>> {
    while (this.left > 0) {
      const bytes = await this.#bytes.some(this.left);
      this.left -= bytes.length;
      yield bytes;
    }
  }
}
