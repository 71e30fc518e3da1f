/**
 * Memory of models on devices, as bars.
 *
 * @module
 */
export { DeviceBar, type DeviceMemory, MemoryLegend } from "./device_bar.tsx";
export { LayerStrip } from "./layer_strip.tsx";
