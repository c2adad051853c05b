/** A place in a list that is handed out in pages of `limit` items; pages are counted from 1. */
export interface PageToken {
  readonly limit: number;
  readonly page: number;
}

/** The token as clients carry it: two little-endian 16-bit numbers in URL-safe base64. */
export function encodePageToken({ limit, page }: PageToken): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt16LE(limit, 0);
  bytes.writeUInt16LE(page, 2);
  return bytes.toString("base64").replaceAll("+", "-").replaceAll("/", "_");
}

/** Undefined when the text is no token. */
export function decodePageToken(text: string): PageToken | undefined {
  if (!/^[A-Za-z0-9_-]{6}==$/.test(text)) return undefined;
  const bytes = Buffer.from(text, "base64url");
  return bytes.length === 4 ? { limit: bytes.readUInt16LE(0), page: bytes.readUInt16LE(2) } : undefined;
}

/** Which page a request asks for by its `nextPageToken` parameters, or what is wrong with them, in fleet's words. */
export function requestedPage(tokens: readonly string[], limit: number): PageToken | string {
  const [text] = tokens;
  if (text === undefined) return { limit, page: 1 };
  if (tokens.length > 1) return "too many values for page token";
  const token = decodePageToken(text);
  if (token === undefined) return `unable to decode page token "${text}"`;
  if (token.limit !== limit) return `token limit must be ${limit}`;
  return token.page === 0 ? "token page must be greater than zero" : token;
}

/** The items of one page, and the token of the next when there are more. */
export function cutPage<T>(
  items: readonly T[],
  token: PageToken,
): { items: readonly T[]; next: string | undefined } {
  const end = token.page * token.limit;
  return {
    items: items.slice(end - token.limit, end),
    next: end < items.length ? encodePageToken({ limit: token.limit, page: token.page + 1 }) : undefined,
  };
}
