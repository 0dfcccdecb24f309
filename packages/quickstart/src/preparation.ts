import { existsSync } from "node:fs";
import { mkdir, rm, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { listMachines } from "@skep/machine";
import { DomainError } from "@skep/model";
import { nodeNames, type Places } from "./places.ts";
import { endStrays } from "./shell/strays.ts";

const neededBytes = 3e9;

/** Claims the place for a quickstart, unless it is taken, and tidies up after one that was killed. */
export async function prepare(places: Places): Promise<void> {
  await endStrays(places);
  if (!existsSync(places.state)) await refuseForeignNodes(places);
  await mkdir(dirname(places.state), { recursive: true });
  if (!existsSync(places.state)) await requireSpace(dirname(places.state));
  await rm(places.temporary, { recursive: true, force: true });
  await mkdir(places.temporary, { recursive: true });
}

async function refuseForeignNodes({ root }: Places): Promise<void> {
  const names = (await listMachines(root)).map(({ name }) => name);
  const taken = nodeNames.filter((name) => names.includes(name));
  if (taken.length === 0) return;
  throw new DomainError(
    "conflict",
    `there is a ${taken.join(", ")} here already, which the quickstart has not made. Remove it with
  bin/skep machine rm -f ${taken.join(" ")}
or keep it, and give the quickstart a folder of its own:
  export SKEP_MACHINE_ROOT=/var/lib/skep/tour; npm run quickstart`,
  );
}

async function requireSpace(folder: string): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize >= neededBytes) return;
  throw new DomainError(
    "unavailable",
    `${folder} has ${((bavail * bsize) / 1e9).toFixed(1)} GB left, and three nodes with their images need ${neededBytes / 1e9}: make room, or name
another folder: export SKEP_MACHINE_ROOT=/somewhere/machines; npm run quickstart`,
  );
}
