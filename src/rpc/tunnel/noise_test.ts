import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { decodeHex, encodeHex } from "@std/encoding/hex";
import { Handshake } from "./noise.ts";

const hex = (text: string) => new Uint8Array(decodeHex(text));

/** A pair of X25519 from a private key, in the form of RFC 8410. */
async function pairOf(privateKey: string, publicKey: string): Promise<CryptoKeyPair> {
  const der = hex(`302e020100300506032b656e04220420${privateKey}`);
  return {
    privateKey: await crypto.subtle.importKey("pkcs8", der, "X25519", false, ["deriveBits"]),
    publicKey: await crypto.subtle.importKey("raw", hex(publicKey), "X25519", true, []),
  };
}

/** The test vector of this protocol in the collection of Cacophony, which other implementations use too. */
const VECTOR = {
  prologue: "4a6f686e2047616c74",
  psk: "54686973206973206d7920417573747269616e20706572737065637469766521",
  initiator: "893e28b9dc6ca8d611ab664754b8ceb7bac5117349a4439a6b0569da977c464a",
  responder: "bbdb4cdbd309f1a1f2e1456967fe288cadd6f712d65dc7b7793d5e63da6b375b",
  messages: [
    [
      "4c756477696720766f6e204d69736573",
      "ca35def5ae56cec33dc2036731ab14896bc4c75dbb07a61f879f8e3afa4c79447c37a89fc17813788d30df2d59501d60" +
      "66f5f8aecc3406bbd9829f2d24a531b1",
    ],
    [
      "4d757272617920526f746862617264",
      "95ebc60d2b1fa672c1f46a8aa265ef51bfe38e7ccb39ec5be34069f1448088432f29d79368ef9de4e1ae7a362fb05bf0" +
      "ad668e026bf5714554497b3a720461",
    ],
    ["462e20412e20486179656b", "7c01e898a6201f36aecee532e29cd0b7f8ffa29d3366ad0dce39a6"],
    ["4361726c204d656e676572", "a9ff535aace3db6a1da1a7fb00fe2de2622bb373abad9fb42c00e0"],
    [
      "4a65616e2d426170746973746520536179",
      "6cfc49a3e65472edc2d0152abe5ce950170a8a47c959f30bd48b5f0aacf29adbfd",
    ],
    [
      "457567656e2042f6686d20766f6e2042617765726b",
      "9bc86e6d974ed21ba04604a94aa68de21677eb409ead070c0cd569b069ee19ba142aa4c1a9",
    ],
  ],
} as const;

Deno.test("handshake and messages are those of the protocol's test vector", async () => {
  const { prologue, psk, messages } = VECTOR;
  const [first, second, ...later] = messages;
  // A message begins with the public key.
  const side = async (privateKey: string, message: string) =>
    await Handshake.begin(hex(prologue), hex(psk), await pairOf(privateKey, message.slice(0, 64)));
  const initiator = await side(VECTOR.initiator, first[1]);
  const responder = await side(VECTOR.responder, second[1]);
  const opening = await initiator.writeFirst(hex(first[0]));
  assertEquals(encodeHex(opening), first[1]);
  assertEquals(encodeHex(responder.readFirst(opening)), first[0]);
  const reply = await responder.writeSecond(hex(second[0]), opening);
  assertEquals(encodeHex(reply), second[1]);
  assertEquals(encodeHex(await initiator.readSecond(reply)), second[0]);
  const [one, other] = [initiator.split(true), responder.split(false)];
  for (const [index, [text, sealed]] of later.entries()) {
    const [from, to] = index % 2 === 0 ? [one, other] : [other, one];
    const message = from.send.encrypt(hex(text));
    assertEquals(encodeHex(message), sealed);
    assertEquals(encodeHex(to.receive.decrypt(message)), text);
  }
});

const NOTHING = new Uint8Array(0);

async function sides(own: Uint8Array<ArrayBuffer>, theirs: Uint8Array<ArrayBuffer>) {
  const [initiator, responder] = await Promise.all([
    Handshake.begin(NOTHING, own),
    Handshake.begin(NOTHING, theirs),
  ]);
  return { initiator, responder, first: await initiator.writeFirst(NOTHING) };
}

Deno.test("another key, a changed message and a replayed one are refused", async () => {
  const [key, wrong] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
  const other = await sides(key, wrong);
  assertThrows(() => other.responder.readFirst(other.first));
  const changed = await sides(key, key);
  changed.first[3]! ^= 1;
  assertThrows(() => changed.responder.readFirst(changed.first));

  const { initiator, responder, first } = await sides(key, key);
  responder.readFirst(first);
  const second = await responder.writeSecond(NOTHING, first);
  // A recorded first message gets another answer, from which its sender learns no key.
  const again = await Handshake.begin(NOTHING, key);
  again.readFirst(first);
  const reply = await again.writeSecond(NOTHING, first);
  assertEquals(encodeHex(reply) === encodeHex(second), false);
  const forged = second.slice();
  forged[40]! ^= 1;
  await assertRejects(() => initiator.readSecond(forged));

  const both = await sides(key, key);
  both.responder.readFirst(both.first);
  await both.initiator.readSecond(await both.responder.writeSecond(NOTHING, both.first));
  const [send, receive] = [both.initiator.split(true).send, both.responder.split(false).receive];
  const [one, two] = [send.encrypt(new Uint8Array(5)), send.encrypt(new Uint8Array(5))];
  receive.decrypt(one);
  assertThrows(() => receive.decrypt(one));
  assertEquals(encodeHex(one) === encodeHex(two), false);
});
