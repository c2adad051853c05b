/** Where systemd's D-Bus objects of units live. */
const unitsPath = "/org/freedesktop/systemd1/unit";

/** The object path of a unit: every byte but letters and digits (and a leading digit) becomes `_` and two hex digits. */
export function unitPath(name: string): string {
  const escaped = [...Buffer.from(name)].map((byte, index) => {
    const char = String.fromCharCode(byte);
    const plain = /[A-Za-z]/.test(char) || (index > 0 && /[0-9]/.test(char));
    return plain ? char : `_${byte.toString(16).padStart(2, "0")}`;
  });
  return `${unitsPath}/${escaped.join("")}`;
}

/** The unit of an object path; undefined when the path is none of a unit. */
export function unitOfPath(path: string): string | undefined {
  if (!path.startsWith(`${unitsPath}/`)) return undefined;
  const escaped = path.slice(unitsPath.length + 1);
  if (escaped === "" || !/^(?:[A-Za-z0-9]|_[0-9a-f]{2})+$/.test(escaped)) return undefined;
  const bytes = escaped.replaceAll(/_([0-9a-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return Buffer.from(bytes, "latin1").toString("utf8");
}
