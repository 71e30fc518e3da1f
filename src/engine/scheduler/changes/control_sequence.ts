import type { Control, FinishReason } from "../../protocol/mod.ts";
import type { Sequence } from "../sequence.ts";

/**
 * Applies a control to a waiting or running sequence.
 *
 * @returns the reason if the answer ends with it, else null.
 * @throws {ShimmyError} `invalid` if the sampling cannot be applied; then nothing has changed.
 */
export function controlSequence(sequence: Sequence, control: Control): FinishReason | null {
  switch (control.type) {
    case "cancel":
      return "cancelled";
    case "stop":
      return "stop";
    case "end-reasoning":
      sequence.sampler.endReasoning();
      return null;
    case "pause":
      sequence.paused = true;
      return null;
    case "resume":
      sequence.paused = false;
      return null;
    case "sampling":
      sequence.sampler.update(control.sampling, control.phase);
      return null;
  }
}
