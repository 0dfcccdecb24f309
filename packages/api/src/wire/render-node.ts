import type { Node, NodeDescription, NodeSpec } from "@skep/model";
import { renderMeta } from "./render-meta.ts";

/** A node as `GET /nodes` shows it. */
export function renderNode(node: Node): unknown {
  const { state, message, addr } = node.status;
  return {
    ID: node.id,
    ...renderMeta(node),
    Spec: renderSpec(node.spec),
    Description: node.description ? renderDescription(node.description) : undescribed,
    Status: { State: state, ...(message && { Message: message }), ...(addr && { Addr: addr }) },
    ...(node.manager && { ManagerStatus: renderManager(node.manager) }),
  };
}

const renderSpec = ({ Name, Labels, Role, Availability }: NodeSpec) => ({
  ...(Name && { Name }),
  Labels: Labels ?? {},
  Role,
  Availability,
});

/** A node that joined and has not told about itself yet. */
const undescribed = { Platform: {}, Resources: {}, Engine: {}, TLSInfo: {} };

const renderDescription = ({ Hostname, Platform, Resources, Engine, TLSInfo }: NodeDescription) => ({
  Hostname,
  Platform: { Architecture: Platform.Architecture, OS: Platform.OS },
  Resources,
  Engine,
  TLSInfo: TLSInfo ?? {},
});

const renderManager = ({ leader, reachability, addr }: NonNullable<Node["manager"]>) => ({
  ...(leader && { Leader: true }),
  Reachability: reachability,
  Addr: addr,
});
