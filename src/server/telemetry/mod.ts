/**
 * Traces and metrics for an OpenTelemetry collector.
 *
 * @module
 */
export {
  type AnswerSpan,
  type RequestSpan,
  type SamplerName,
  SAMPLERS,
  startTelemetry,
  type Telemetry,
  type TelemetrySettings,
  type TelemetrySources,
} from "./telemetry.ts";
