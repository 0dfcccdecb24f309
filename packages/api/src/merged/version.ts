import type { EngineVersion } from "@skep/engine";
import { boundsOf } from "../engine-identity.ts";
import type { Route } from "../router.ts";
import type { MergeContext } from "./merge-context.ts";

interface VersionBody extends EngineVersion {
  readonly Components?: readonly { readonly Name: string; readonly Details?: object }[];
}

/** The engine's own answer, with the API versions that this daemon accepts. */
export function versionRoutes({ engine }: MergeContext): Route[] {
  return [
    {
      method: "GET",
      path: "/version",
      async handle({ apiVersion, signal }) {
        const version = await engine.json<VersionBody>("GET", `/v${apiVersion}/version`, { signal });
        return { status: 200, json: withOurBounds(version) };
      },
    },
  ];
}

function withOurBounds(version: VersionBody): VersionBody {
  const { apiVersion: ApiVersion, minApiVersion: MinAPIVersion } = boundsOf(version);
  const components = version.Components?.map((component) =>
    component.Name === "Engine"
      ? { ...component, Details: { ...component.Details, ApiVersion, MinAPIVersion } }
      : component,
  );
  return { ...version, ...(components ? { Components: components } : {}), ApiVersion, MinAPIVersion };
}
