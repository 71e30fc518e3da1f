import { join } from "node:path";
import { sizeOf } from "../../download/mod.ts";
import { ShimmyError } from "../../errors.ts";
import { modelName } from "../entry/mod.ts";
import { huggingFaceCache } from "../discovery/mod.ts";
import { chooseModel, projectorFor } from "./choose_file.ts";
import { explainHub, hubAuthorization, hubEndpoint, readRepository } from "./hub_api.ts";
import { placeLink, repositoryFolder, writeRef } from "./hub_cache.ts";
import type { PlannedFile, PullEnvironment, PullPlan } from "./plan.ts";
import { type HubReference, isSafePath, referenceText } from "./reference.ts";

/**
 * Plans a pull from the Hugging Face hub: of a model, and of its projector if the repository has one. The
 * files go to the cache that Hugging Face's own tools use.
 *
 * @param withProjector false to leave the projector out
 * @throws {ShimmyError} `not_found`, or `backend` with what to do.
 */
export async function planHub(
  reference: HubReference,
  environment: PullEnvironment,
  { withProjector, signal }: {
    readonly withProjector: boolean;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<PullPlan> {
  const { repository } = reference;
  const revision = reference.revision ?? "main";
  const endpoint = hubEndpoint(environment.env);
  const cache = huggingFaceCache(environment);
  if (cache === null) {
    throw new ShimmyError("invalid", "HF_HOME: must be set if there is no home folder");
  }
  const authorization = await hubAuthorization(environment, endpoint);
  const { commit, files } = await readRepository(repository, {
    revision,
    endpoint,
    authorization,
    signal,
  });
  const available = files.map(({ path }) => path).filter(isSafePath);
  const chosen = chooseModel(available, {
    ...reference,
    repository: referenceText({ ...reference, quantization: null, file: null }).slice("hf:".length),
  });
  const projector = withProjector ? projectorFor(available, chosen.paths[0]!) : undefined;
  const folder = repositoryFolder(cache, repository);
  const wanted = [...chosen.paths, ...(projector === undefined ? [] : [projector])];
  const parts = wanted.map((path) => {
    const file = files.find((one) => one.path === path)!;
    return {
      file,
      blob: join(folder, "blobs", file.id),
      link: join(folder, "snapshots", commit, ...path.split("/")),
    };
  });
  const planned = parts.map(async ({ file, blob, link }): Promise<PlannedFile> => ({
    name: file.path.slice(file.path.lastIndexOf("/") + 1),
    url: `${endpoint}/${repository}/resolve/${commit}/${encodePath(file.path)}`,
    size: file.size,
    sha256: file.sha256,
    path: blob,
    // The name is not `.incomplete`, because Hugging Face's tools would resume such a file as if it
    // had no holes.
    part: `${blob}.shimmy`,
    lock: join(cache, ".locks", repositoryFolder("", repository), `${file.id}.lock`),
    authorization,
    explain: (response) => explainHub(response, repository, { endpoint, authorization, revision }),
    // Where links are forbidden, other tools keep the file itself in the snapshot.
    present: await sizeOf(blob) === file.size || await sizeOf(link) === file.size,
  }));
  const paths = parts.slice(0, chosen.paths.length).map(({ link }) => link);
  return {
    reference: referenceText(reference),
    from: new URL(endpoint).host,
    files: await Promise.all(planned),
    finish: async () => {
      const written: string[] = [];
      for (const { blob, link } of parts) if (await placeLink(blob, link)) written.push(link);
      // A commit needs no ref.
      if (revision !== commit) await writeRef(folder, revision, commit);
      return { model: { name: modelName(paths[0]!), paths }, written };
    },
  };
}

function encodePath(path: string): string {
  return path.split("/").map(encodeURIComponent).join("/");
}
