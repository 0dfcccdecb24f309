import { fileURLToPath } from "node:url";

/** The OCI runtime wrapper that an engine is to run containers of skep's networks with. */
export const wrapperPath = fileURLToPath(new URL("../../../bin/skep-runc", import.meta.url));
