import { type AnswerRequest, withSeedOffset } from "../../chat/mod.ts";

/** The request of each choice. A seed is incremented per choice, so that the choices differ. */
export function toChoiceRequests(request: AnswerRequest, count: number): AnswerRequest[] {
  const { sampling, reasoningSampling } = request;
  return Array.from({ length: count }, (_, index) => ({
    ...request,
    sampling: withSeedOffset(sampling, index),
    ...(reasoningSampling === undefined
      ? {}
      : { reasoningSampling: withSeedOffset(reasoningSampling, index) }),
  }));
}
