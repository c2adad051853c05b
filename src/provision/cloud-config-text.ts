import { Document, isScalar, Scalar, visit } from "yaml";

/**
 * A cloud-config as text that every version of coreos-cloudinit and every YAML parser reads alike: texts are always
 * quoted ("off" and "0644" stay texts) or literal blocks, and nothing is folded.
 */
export function cloudConfigText(value: unknown): string {
  const document = new Document(value, { aliasDuplicateObjects: false });
  visit(document, {
    Scalar(key, node) {
      if (key !== "key" && typeof node.value === "string") node.type = styleOf(node.value);
      else if (key === "key" && isScalar(node) && !/^[a-z0-9_]+$/.test(String(node.value))) {
        node.type = Scalar.QUOTE_DOUBLE;
      }
    },
  });
  const body = document.toString({
    lineWidth: 0,
    blockQuote: "literal",
    doubleQuotedMinMultiLineLength: Number.MAX_SAFE_INTEGER,
    indentSeq: true,
  });
  return `#cloud-config\n\n${escapeLineBreaks(body)}`;
}

function styleOf(text: string): Scalar.Type {
  const readable = /^[^\s][^\t\r\u0085\u2028\u2029\uFEFF]*\n$/.test(text) && !/[ \t]\n/.test(text);
  return readable ? Scalar.BLOCK_LITERAL : Scalar.QUOTE_DOUBLE;
}

/** YAML 1.1 takes these for line ends, even within quotes; they stand nowhere else than within double quotes here. */
function escapeLineBreaks(text: string): string {
  return text.replaceAll(/[\u0085\u2028\u2029\uFEFF]/g, (char) => {
    return `\\u${(char.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`;
  });
}
