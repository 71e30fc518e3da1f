import { assertEquals } from "@std/assert";
import { ReplyGuard } from "./reply_guard.ts";

const encode = (text: string) => new TextEncoder().encode(text);

/** What a guard says about a text that comes as a whole. */
const read = (text: string) => new ReplyGuard().read(encode(text));

Deno.test("replies of every kind are counted, also when they come byte by byte", () => {
  const text =
    "+OK\r\n-ERR no\r\n:-5\r\n_\r\n#t\r\n,1.5\r\n(9\r\n$3\r\na\r\n\r\n$-1\r\n$0\r\n\r\n" +
    "*-1\r\n*0\r\n*2\r\n:1\r\n*1\r\n$1\r\na\r\n%1\r\n+a\r\n~1\r\n:2\r\n=5\r\ntxt:a\r\n!3\r\nERR\r\n";
  const REPLIES = 16;
  assertEquals(read(text), REPLIES);
  const guard = new ReplyGuard();
  const counts = [...encode(text)].map((byte) => guard.read(Uint8Array.of(byte)));
  assertEquals(counts.reduce<number>((sum, count) => sum + count!, 0), REPLIES);
});

Deno.test("bytes of other programs and messages that were not asked for are refused", () => {
  const cases = [
    "HTTP/1.1 400 Bad Request\r\n",
    ">1\r\n_\r\n",
    "|1\r\n+a\r\n+b\r\n",
    "$?\r\n",
    "$-7\r\n",
    "*-5\r\n",
    "+OK\n",
    "\r\n",
    "$9999999999\r\n",
  ];
  for (const text of cases) assertEquals(read(text), null, JSON.stringify(text));
});

Deno.test("a reply that would take much memory is refused at its beginning", () => {
  assertEquals(read(`$${64 * 2 ** 20}\r\n`), null);
  assertEquals(read(`$${8 * 2 ** 20}\r\n`), 0);
  assertEquals(read("*100000\r\n"), null);
  assertEquals(read("%4000\r\n"), null);
  assertEquals(read("*1\r\n".repeat(8)), 0);
  assertEquals(read("*1\r\n".repeat(9)), null);
  const guard = new ReplyGuard();
  const piece = encode("+".repeat(10_000));
  assertEquals([guard.read(piece), guard.read(piece)], [0, null]);
});
