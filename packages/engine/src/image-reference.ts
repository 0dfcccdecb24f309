/** What `POST /images/create` wants of `name[:tag][@digest]`: without a tag the engine would pull every tag there is. */
export function pullQuery(reference: string): { readonly fromImage: string; readonly tag: string } {
  const [named = "", digest] = reference.split("@");
  const colon = named.indexOf(":", named.lastIndexOf("/") + 1);
  const name = colon < 0 ? named : named.slice(0, colon);
  return { fromImage: name, tag: digest ?? (colon < 0 ? "latest" : named.slice(colon + 1)) };
}
