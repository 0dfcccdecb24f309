import { type ConfigReference, rpcError, type SecretReference } from "@skep/model";

const invalid = (message: string) => rpcError("InvalidArgument", message);

/** The form of references to secrets or configs; whether those exist is another question. */
export function validateReferences(
  kind: "secret" | "config",
  references: readonly (SecretReference & ConfigReference)[],
): void {
  const targets = new Map<string, string>();
  for (const reference of references) {
    const [id, name] =
      kind === "secret" ? [reference.SecretID, reference.SecretName] : [reference.ConfigID, reference.ConfigName];
    if (!id || !name) throw invalid(`malformed ${kind} reference`);
    if (!reference.File && !(kind === "config" && reference.Runtime)) {
      throw invalid(`malformed ${kind} reference, no target provided`);
    }
    const target = reference.File?.Name;
    if (!reference.File) continue;
    if (!target) throw invalid(`malformed file ${kind} reference, invalid target file name provided`);
    const other = targets.get(target);
    if (other !== undefined) {
      throw invalid(`${kind} references '${other}' and '${name}' have a conflicting target: '${target}'`);
    }
    targets.set(target, name);
  }
}
