import type { ClusterEvent } from "./cluster-event.ts";

export type EventFilters = ReadonlyMap<string, readonly string[]>;

/** Whether the engine would show `event` for these `filters`: as moby's `daemon/events/filter.go`. */
export function matchesEventFilters(event: ClusterEvent, filters: EventFilters): boolean {
  const among = (key: string, value: string) => filters.get(key)?.includes(value) ?? true;
  return (
    among("event", event.Action) &&
    among("type", event.Type) &&
    among("scope", event.scope) &&
    actorKeys.every((key) => matchesActor(event, filters.get(key))) &&
    matchesLabels(event, filters.get("label") ?? []) &&
    matchesImage(event, filters.get("image"))
  );
}

/** Each is looked for in the id and the name of any event, whatever its type. */
const actorKeys = ["daemon", "container", "plugin", "volume", "network", "node", "service", "secret", "config"];

function matchesActor({ Actor }: ClusterEvent, wanted: readonly string[] | undefined): boolean {
  if (!wanted?.length) return true;
  const name = Actor.Attributes.name ?? "";
  return wanted.some((prefix) => Actor.ID.startsWith(prefix) || name.startsWith(prefix));
}

/** Labels are looked for among the attributes; all must be there. */
function matchesLabels({ Actor }: ClusterEvent, labels: readonly string[]): boolean {
  return labels.every((label) => {
    const [key = "", ...value] = label.split("=");
    const found = Actor.Attributes[key];
    return found !== undefined && (value.length === 0 || found === value.join("="));
  });
}

const matchesImage = ({ Actor }: ClusterEvent, wanted: readonly string[] | undefined): boolean =>
  !wanted?.length || wanted.includes(Actor.ID) || wanted.includes(Actor.Attributes.image ?? "");
