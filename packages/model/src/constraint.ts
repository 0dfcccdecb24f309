import { BlockList, isIP } from "node:net";
import type { Node } from "./node.ts";
import type { Placement } from "./service-spec.ts";

/** One placement constraint, as `node.labels.zone == a`. */
export interface Constraint {
  readonly key: string;
  readonly operator: "==" | "!=";
  readonly value: string;
}

const operators = ["==", "!="] as const;
const keySyntax = /^[a-z_][a-z0-9\-_.]+$/i;
const valueSyntax = /^[a-z0-9:\-_\t\n\f\r .*()?+[\]\\^$|/]+$/i;

/** Throws an Error in swarmkit's words when an expression is malformed. Keys that mean nothing are well-formed. */
export function parseConstraints(expressions: readonly string[]): Constraint[] {
  return expressions.map(parseConstraint);
}

function parseConstraint(expression: string): Constraint {
  const operator = operators.find((candidate) => expression.includes(candidate));
  if (!operator) throw new Error(`constraint expected one operator from ${operators.join(", ")}`);
  const at = expression.indexOf(operator);
  const key = expression.slice(0, at).trim();
  if (!keySyntax.test(key)) throw new Error(`key '${key}' is invalid`);
  const value = expression.slice(at + operator.length).trim();
  if (!valueSyntax.test(value)) throw new Error(`value '${value}' is invalid`);
  return { key, operator, value };
}

/** True when all constraints hold on the node. A constraint whose key means nothing holds on no node. */
export const nodeMatches = (constraints: readonly Constraint[], node: Node): boolean =>
  constraints.every((constraint) => holds(constraint, node));

function holds({ key, operator, value }: Constraint, node: Node): boolean {
  const equal =
    key.toLowerCase() === "node.ip" ? addressEquals(value, node.status.addr) : valueEquals(key, value, node);
  return equal === undefined ? false : equal === (operator === "==");
}

/** Undefined when the key means nothing. What a node does not have or has not told is the empty string. */
function valueEquals(key: string, value: string, node: Node): boolean | undefined {
  if (key.toLowerCase() === "node.platform.arch") {
    return architecture(node.description?.Platform.Architecture ?? "") === architecture(value);
  }
  const own = nodeValue(key, node);
  return own === undefined ? undefined : own.toLowerCase() === value.toLowerCase();
}

const nodeLabel = "node.labels.";
const engineLabel = "engine.labels.";

function nodeValue(key: string, node: Node): string | undefined {
  const lower = key.toLowerCase();
  if (lower.startsWith(nodeLabel)) return node.spec.Labels?.[key.slice(nodeLabel.length)] ?? "";
  if (lower.startsWith(engineLabel)) return node.description?.Engine.Labels?.[key.slice(engineLabel.length)] ?? "";
  switch (lower) {
    case "node.id":
      return node.id;
    case "node.hostname":
      return node.description?.Hostname ?? "";
    case "node.role":
      return node.spec.Role;
    case "node.platform.os":
      return node.description?.Platform.OS ?? "";
    default:
      return undefined;
  }
}

/** Undefined when `value` is neither an address nor a subnet: such a constraint holds on no node. */
function addressEquals(value: string, address: string): boolean | undefined {
  const [base = "", prefix] = value.split("/", 2);
  const family = isIP(base);
  const bits = prefix === undefined ? (family === 4 ? 32 : 128) : subnetBits(prefix, family);
  if (family === 0 || bits === undefined) return undefined;
  if (isIP(address) === 0) return false;
  const subnet = new BlockList();
  subnet.addSubnet(base, bits, ipFamily(base));
  return subnet.check(address, ipFamily(address));
}

function subnetBits(prefix: string, family: number): number | undefined {
  const bits = /^\d{1,3}$/.test(prefix) ? Number(prefix) : Number.NaN;
  return bits <= (family === 4 ? 32 : 128) ? bits : undefined;
}

const ipFamily = (address: string) => (isIP(address) === 6 ? "ipv6" : "ipv4");

const aliases: Readonly<Record<string, string>> = { x86_64: "amd64", aarch64: "arm64" };

/** The image world's word for an architecture (`amd64`), given either that or the kernel's (`x86_64`). */
export function architecture(name: string): string {
  const lower = name.toLowerCase();
  return aliases[lower] ?? lower;
}

/** True when the node is one of the platforms, or none is asked for; an empty part of a platform matches all. */
export function platformMatches(platforms: Placement["Platforms"], node: Node): boolean {
  if (!platforms || platforms.length === 0) return true;
  const own = node.description?.Platform;
  if (!own) return false;
  return platforms.some(
    ({ Architecture, OS }) =>
      (!Architecture || architecture(Architecture) === architecture(own.Architecture)) &&
      (!OS || OS.toLowerCase() === own.OS.toLowerCase()),
  );
}
