import { assertEquals } from "@std/assert";
import { KnownSounds } from "./known_sounds.ts";

Deno.test("the least recently used sounds are forgotten", () => {
  const sounds = new KnownSounds();
  const sound = (seconds: number) => ({ pieces: [], seconds });
  for (let at = 0; at < 1000; at++) sounds.add(String(at), sound(at));
  assertEquals(sounds.get("0"), sound(0));
  sounds.add("new", sound(1));
  assertEquals([sounds.get("0"), sounds.get("1")], [sound(0), undefined]);
});
