import {
  type Assignment,
  type ContainerSpec,
  DomainError,
  expandContainerSpec,
  type NodeDescription,
  templateContext,
} from "@skep/model";

/** The spec with its templates expanded, or why it cannot be. */
export function expandedSpec(
  { task }: Assignment,
  description: Pick<NodeDescription, "Hostname" | "Platform">,
): ContainerSpec | string {
  const spec = task.spec.ContainerSpec;
  if (!spec) return "unsupported runtime";
  try {
    return expandContainerSpec(spec, templateContext(task, description));
  } catch (error) {
    if (error instanceof DomainError) return error.message;
    throw error;
  }
}
