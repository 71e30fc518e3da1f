export {
  adapterAs,
  listNamed,
  type NamedModel,
  nameOf,
  notFound,
  resolveNamed,
} from "./model_names.ts";
export {
  bindAnswer,
  type Caller,
  engineFor,
  engineOf,
  engineOfNamed,
  startAnswer,
} from "./start_answer.ts";
export { shortened } from "./vectors.ts";
