/** Loads a model and creates what it needs to generate and embed. */
export { type LoadedModel, loadModel } from "./load_model.ts";
