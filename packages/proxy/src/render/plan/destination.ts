import { aclNameOf } from "../../service/service.ts";
import type { LimitedDestination, RenderedService, RenderInput } from "../input.ts";
import { host, identifier, portNumber } from "../language/quote.ts";
import type { Names } from "./names.ts";

/** What the parts of one service's config are made from. */
export interface ServiceContext {
  readonly input: RenderInput;
  readonly service: RenderedService;
  /** Fit for the config. */
  readonly serviceName: string;
  readonly aclName: string;
  readonly names: Names;
}

/** A destination with its names; `port` and `httpsPort` are 0 where the service has none. */
export interface NamedDestination {
  readonly destination: LimitedDestination;
  /** The end of its names: nothing, or `_1`. */
  readonly suffix: string;
  readonly port: number;
  readonly httpsPort: number;
  /** `go-demo-be8080` */
  readonly backend: string;
  /** `https-go-demo-be8443` */
  readonly httpsBackend: string;
  /** Where its requests go. */
  readonly host: string;
}

export function serviceContext(input: RenderInput, service: RenderedService, names: Names): ServiceContext {
  const serviceName = identifier("serviceName", service.serviceName);
  return { input, service, serviceName, aclName: identifier("aclName", aclNameOf(service)), names };
}

export function nameDestinations(context: ServiceContext): NamedDestination[] {
  const { service, aclName, names, input, serviceName } = context;
  return service.destinations.map((destination) => {
    const { index } = destination;
    const suffix = index === 0 && input.settings.services.nameStyle === "2016" ? "" : `_${index}`;
    const isOptional = destination.reqMode === "http";
    const port = isOptional && destination.port === "" ? 0 : portNumber("port", destination.port);
    const httpsPort = destination.httpsPort === 0 ? 0 : portNumber("httpsPort", destination.httpsPort);
    const own = destination.outboundHostname;
    return {
      destination,
      suffix,
      port,
      httpsPort,
      backend: port === 0 ? "" : names.claim("backend", `${aclName}-be${port}${suffix}`),
      httpsBackend: httpsPort === 0 ? "" : names.claim("backend", `https-${aclName}-be${httpsPort}${suffix}`),
      host: own === "" ? host("serviceName", serviceName) : host("outboundHostname", own),
    };
  });
}
