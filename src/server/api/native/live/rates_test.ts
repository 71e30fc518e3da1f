import { assertEquals } from "@std/assert";
import { EngineDouble } from "../../../../../tests/doubles/engine.ts";
import type { EngineStatus, SlotStatus } from "../../../../engine/protocol/mod.ts";
import { RateMeter } from "./rates.ts";

async function statusOf(values: Partial<EngineStatus>): Promise<EngineStatus> {
  return await new EngineDouble({ status: values }).status();
}

function slot(promptTokens: number, cachedTokens: number, completionTokens: number): SlotStatus {
  const running = { promptTokens, cachedTokens, completionTokens, remainingTokens: 0 };
  return { id: 0, tokens: promptTokens + completionTokens, running };
}

Deno.test("rates count sequences that run and those that ended between two statuses", async () => {
  const meter = new RateMeter();
  const first = await statusOf({ slots: [slot(10, 4, 5)] });
  const second = await statusOf({ slots: [slot(10, 4, 25)] });
  const ended = await statusOf({
    promptTokens: 10,
    cachedTokens: 4,
    completionTokens: 30,
    slots: [],
  });
  const none = { prompt_per_second: 0, completion_per_second: 0 };
  assertEquals(meter.update("a", first, 1000), none);
  assertEquals(meter.update("a", second, 3000), { ...none, completion_per_second: 10 });
  assertEquals(meter.update("a", ended, 3500), { ...none, completion_per_second: 10 });
  const next = await statusOf({
    ...{ promptTokens: 10, cachedTokens: 4, completionTokens: 30 },
    slots: [slot(8, 2, 1)],
  });
  assertEquals(meter.update("a", next, 5500), {
    prompt_per_second: 3,
    completion_per_second: 0.5,
  });
});

Deno.test("a preempted sequence and another load give no negative rates", async () => {
  const meter = new RateMeter();
  meter.update("a", await statusOf({ completionTokens: 9, slots: [slot(10, 0, 20)] }), 0);
  const preempted = await statusOf({ completionTokens: 9, slots: [] });
  assertEquals(meter.update("a", preempted, 1000).completion_per_second, 0);
  meter.keep(new Set());
  const loadedAgain = await statusOf({ completionTokens: 2, slots: [] });
  assertEquals(meter.update("a", loadedAgain, 2000).completion_per_second, 0);
});
