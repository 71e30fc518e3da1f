export { type LoadedModel, loadModel } from "./load_model.ts";
