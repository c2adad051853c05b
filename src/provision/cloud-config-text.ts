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
      else if (key === "key" && isScalar(node) && !isPlainKey(String(node.value))) {
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
  return `#cloud-config\n\n${escapeUnprintable(body)}`;
}

/** Quoted are the words that YAML 1.1 takes for booleans and the like. */
function isPlainKey(key: string): boolean {
  return /^[a-z][a-z_][a-z0-9_]*$/.test(key) && !/^(yes|no|on|off|true|false|null)$/.test(key);
}

/**
 * Characters that YAML forbids, or that YAML 1.1 takes for line ends even within quotes. A text that has one is
 * double-quoted, so that in the finished document they stand within such quotes only.
 */
const unprintable = /[\u007f-\u009f\u2028\u2029\uFEFF\uFFFE\uFFFF]/g;

function styleOf(text: string): Scalar.Type {
  const readable = /^[^\s][^\t\r]*\n$/.test(text) && !/[ \t]\n/.test(text) && text.search(unprintable) < 0;
  return readable ? Scalar.BLOCK_LITERAL : Scalar.QUOTE_DOUBLE;
}

function escapeUnprintable(text: string): string {
  return text.replaceAll(
    unprintable,
    (char) => `\\u${(char.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`,
  );
}
