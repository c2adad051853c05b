/**
 * What is wrong with the Content-Type of a request that carries JSON, in fleet's words; undefined when nothing is.
 * Several headers arrive joined by commas.
 */
export function contentTypeProblem(header: string | null): string | undefined {
  const values = header === null ? [] : header.split(",");
  if (values.length !== 1) return `expected 1 Content-Type, got ${values.length}`;
  const mediaType = values[0]?.split(";")[0]?.trim().toLowerCase();
  return mediaType === "application/json" ? undefined : "only acceptable Content-Type is application/json";
}
