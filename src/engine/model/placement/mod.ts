/** Where tensors are: overrides of devices, and the placement that libllama logs. */
export {
  type LoadReport,
  type MeasuredPlacement,
  readContextLog,
  readLoadLog,
  SHARED,
} from "./load_log.ts";
export {
  expertOverrides,
  placeTensors,
  unmatchedOverrides,
  type WeightPlaces,
} from "./tensor_placement.ts";
