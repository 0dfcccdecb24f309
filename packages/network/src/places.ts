import { hostPlace, isContainerPlace, type Place } from "./aspect.ts";
import type { Attachment } from "./attachment.ts";
import { type Kernel, KernelError, type Namespace } from "./host/kernel.ts";
import type { Ownership } from "./items/observe.ts";
import { isVethName, routerPrefix, tunnel, uplink } from "./overlay/addresses.ts";

/** The namespaces of this node that skep has a part in: opened once, watched while they are open. */
export class Places {
  readonly #kernel: Kernel;
  readonly #attachments: ReadonlyMap<string, Attachment>;
  readonly #onForeignChange: (place: Place) => void;
  readonly #open = new Map<Place, { readonly namespace: Namespace; readonly watch: Disposable }>();

  constructor(kernel: Kernel, attachments: ReadonlyMap<string, Attachment>, onForeignChange: (place: Place) => void) {
    this.#kernel = kernel;
    this.#attachments = attachments;
    this.#onForeignChange = onForeignChange;
  }

  /** A router is made if absent. A container's handle is the caller's to close: it would keep the namespace alive. */
  async open(place: Place): Promise<Namespace> {
    if (isContainerPlace(place)) return this.#container(place);
    const known = this.#open.get(place);
    if (known) return known.namespace;
    return this.#remember(place, place === hostPlace ? this.#kernel.host : await this.#kernel.ensure(place));
  }

  /** The namespace if it is there. */
  async find(place: Place): Promise<Namespace | undefined> {
    const known = this.#open.get(place);
    if (known) return known.namespace;
    if (place === hostPlace) return this.open(place);
    if (isContainerPlace(place)) return this.#container(place).catch(() => undefined);
    const namespace = await this.#kernel.find(place);
    return namespace && this.#remember(place, namespace);
  }

  /** Whether a router has been taken away from under its handle, or made anew. */
  async isGone(place: Place): Promise<boolean> {
    const known = this.#open.get(place);
    if (!known || place === hostPlace || isContainerPlace(place)) return false;
    const now = await this.#kernel.find(place);
    if (now && now !== known.namespace) now[Symbol.dispose]();
    return now?.inode !== known.namespace.inode;
  }

  /** Gives up a router whose name somebody took away, so that the next use makes it again. */
  async abandon(place: Place): Promise<void> {
    const known = this.#open.get(place);
    if (!known || place === hostPlace) return;
    this.#open.delete(place);
    known.watch[Symbol.dispose]();
    await deleteLinks(known.namespace).catch(() => {}); // then they go with the namespace
    known.namespace[Symbol.dispose]();
  }

  /**
   * Takes a router away; its links first: a namespace goes when the kernel gets to it, but the tunnel's number and the
   * containers' devices are to be free at once.
   */
  async remove(place: Place): Promise<void> {
    const namespace = await this.find(place);
    if (!namespace) return;
    await deleteLinks(namespace);
    const known = this.#open.get(place);
    this.#open.delete(place);
    known?.watch[Symbol.dispose]();
    await this.#kernel.remove(place);
  }

  /** Routers that exist, by this process's making or an earlier one's. */
  routers(): Promise<string[]> {
    return this.#kernel.names(routerPrefix);
  }

  close(): void {
    for (const [place, { namespace, watch }] of this.#open) {
      watch[Symbol.dispose]();
      if (place !== hostPlace) namespace[Symbol.dispose]();
    }
    this.#open.clear();
  }

  #remember(place: Place, namespace: Namespace): Namespace {
    const watch = namespace.watch(() => this.#onForeignChange(place));
    this.#open.set(place, { namespace, watch });
    return namespace;
  }

  async #container(place: Place): Promise<Namespace> {
    const attachment = this.#attachments.get(place.slice("container/".length));
    if (!attachment) throw new KernelError("ENOENT", `${place} is not attached`);
    return openContainer(this.#kernel, attachment.sandbox.pid, attachment.inode);
  }
}

async function deleteLinks(router: Namespace): Promise<void> {
  const links = (await router.links()).filter(({ name }) => name === tunnel || isVethName(name));
  await router.netlink(links.map(({ name }) => ({ do: "delete-link", name })));
}

/** Rejects when the process is gone; its number may be another's by now. */
export async function openContainer(kernel: Kernel, pid: number, inode: number): Promise<Namespace> {
  const namespace = await kernel.open(`/proc/${pid}/ns/net`);
  if (namespace.inode === inode) return namespace;
  namespace[Symbol.dispose]();
  throw new KernelError("ESRCH", `process ${pid} is not the container's any more`);
}

/** What of a namespace is skep's to change. */
export function ownershipOf(place: Place): Ownership {
  if (place === hostPlace)
    return { tables: ["ip skep", "ip skepraw"], device: (name) => name === uplink.host, whole: false };
  if (isContainerPlace(place)) return { tables: ["ip skepdns"], device: () => false, whole: false };
  return {
    tables: ["ip skep", "netdev skep"],
    device: (name) => name === tunnel || name === uplink.gateway || isVethName(name),
    whole: true,
  };
}
