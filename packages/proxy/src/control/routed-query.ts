/** Parameters that say what to do with a request, and are no part of the route. */
const ofTheRequest = new Set(["distribute", "dryRun", "token", "serviceCert"]);

/** A route's parameters in one form: the same route is the same text, whatever the order of the parameters. */
export function routedQuery(parameters: URLSearchParams): string {
  const own = new URLSearchParams([...parameters].filter(([name]) => !ofTheRequest.has(name)));
  own.sort();
  return own.toString();
}
