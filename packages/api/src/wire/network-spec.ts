import type { IpamConfig, NetworkSpec } from "@skep/model";
import { decode, flag, flagKept, labels, labelsKept, struct, structs, text } from "./schema.ts";

/** The body of `POST /networks/create`: a network's spec, and what is not kept of it. */
export interface NetworkBody extends NetworkSpec {
  readonly EnableIPv4?: boolean;
  readonly ConfigOnly?: boolean;
  readonly ConfigFrom?: { readonly Network?: string };
}

export const parseNetworkBody = (body: unknown): NetworkBody => decode(networkBody, body, "network.CreateRequest");

const networkBody = struct<NetworkBody>("CreateRequest", {
  Name: (value, place) => text(value, place) ?? "",
  Labels: labelsKept,
  Driver: text,
  Scope: text,
  Internal: flag,
  Attachable: flag,
  Ingress: flag,
  EnableIPv4: flagKept,
  EnableIPv6: flag,
  IPAM: struct<NonNullable<NetworkSpec["IPAM"]>>("IPAM", {
    Driver: text,
    Options: labels,
    Config: structs(
      struct<IpamConfig>("IPAMConfig", { Subnet: text, IPRange: text, Gateway: text, AuxiliaryAddresses: labels }),
    ),
  }),
  Options: labels,
  ConfigOnly: flag,
  ConfigFrom: struct("ConfigReference", { Network: text }),
});
