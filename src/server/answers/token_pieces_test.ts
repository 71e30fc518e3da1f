import { assertEquals, assertRejects } from "@std/assert";
import { EngineDouble } from "../../../tests/doubles/engine.ts";
import { ShimmyError } from "../../errors.ts";
import { tokenPieces } from "./token_pieces.ts";

Deno.test("the bytes of many tokens come in parts", async () => {
  const double = new EngineDouble();
  const lengths: number[] = [];
  const engine = {
    pieces(tokens: readonly number[]) {
      lengths.push(tokens.length);
      return double.pieces(tokens);
    },
  };
  const tokens = Array.from({ length: 10_000 }, (_, index) => 97 + index % 26);
  const pieces = await tokenPieces(engine, tokens, "with_pieces");
  assertEquals(lengths, [4_096, 4_096, 1_808]);
  assertEquals(pieces.map(([byte]) => byte), tokens);
  assertEquals(await tokenPieces(engine, [], "with_pieces"), []);
});

Deno.test("more tokens than a response lists with their texts are refused", async () => {
  const tokens = Array<number>(100_001).fill(97);
  const error = await assertRejects(
    () => tokenPieces(new EngineDouble(), tokens, "with_pieces"),
    ShimmyError,
    "with_pieces: the text has 100001 tokens; at most 100000",
  );
  assertEquals([error.kind, error.field], ["invalid", "with_pieces"]);
});
