import { canFilter } from "./bpf/can-filter.ts";
import type { Kernel, Namespace, NamespacePath } from "./kernel.ts";
import { NamespaceHandle } from "./namespace-handle.ts";
import {
  createNamespace,
  namedNamespace,
  namespaceExists,
  namespaceNames,
  ownNamespace,
  removeNamespace,
} from "./netns.ts";
import { NftRunner } from "./nft.ts";

/** The kernel this process runs on; needs CAP_SYS_ADMIN and CAP_NET_ADMIN. `host` is the namespace of the calling thread. */
export function openKernel(): Kernel {
  const nft = new NftRunner();
  const handles = new Set<NamespaceHandle>();

  const openHandle = (path: NamespacePath) => new NamespaceHandle(path, nft, handles);
  const host = openHandle(ownNamespace);
  return {
    host,
    async ensure(name) {
      createNamespace(name);
      return openHandle(namedNamespace(name));
    },
    async find(name) {
      return namespaceExists(name) ? openHandle(namedNamespace(name)) : undefined;
    },
    names: async (prefix) => namespaceNames(prefix),
    open: async (path): Promise<Namespace> => openHandle(path),
    async remove(name) {
      if (!namespaceExists(name)) return removeNamespace(name);
      const path = namedNamespace(name);
      await freeTunnels(openHandle(path));
      await Promise.all([...handles].filter((handle) => handle.path === path).map((handle) => handle.close()));
      removeNamespace(name);
    },
    canFilter,
    close() {
      void Promise.all([...handles].map((handle) => handle.close())).then(() => nft.close());
    },
  };
}

/** The kernel clears a namespace away some time after its name is gone; the VNIs are to be free for others at once. */
async function freeTunnels(handle: NamespaceHandle): Promise<void> {
  const tunnels = (await handle.links()).filter(({ kind }) => kind === "vxlan");
  await handle.netlink(tunnels.map(({ name }) => ({ do: "delete-link", name })));
}
