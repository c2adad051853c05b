import { readFile } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import type { Plugin } from "esbuild";

/**
 * ssh2 speeds itself up with native add-ons when it finds them and works without. An executable cannot carry them, and
 * a build must not differ by what happens to be compiled here: they are never there.
 */
export function withoutNativeAddons(): Plugin {
  return {
    name: "without-native-addons",
    setup: (build) => {
      build.onResolve({ filter: /(\.node|^cpu-features)$/ }, ({ path }) => ({ path, namespace: "add-on" }));
      build.onLoad({ filter: /.*/, namespace: "add-on" }, () => ({
        contents: `throw new Error("native add-ons are left out of the bundle");`,
        loader: "js",
      }));
    },
  };
}

/**
 * Lets each of our modules keep the place it has in the source tree: `new URL("../../templates/", import.meta.url)`
 * then means the same folder from src/ and from a bundle in `outdir`.
 */
export function keepingPlaces(root: string, outdir: string): Plugin {
  const src = join(root, "src");
  return {
    name: "keeping-places",
    setup: (build) => {
      build.onLoad({ filter: /\.ts$/ }, async ({ path }) => {
        if (!path.startsWith(`${src}${sep}`)) return undefined;
        const text = await readFile(path, "utf8");
        if (!text.includes("import.meta.url")) return undefined;
        const place = `new URL(${JSON.stringify(relative(outdir, path))}, import.meta.url).href`;
        const contents = text.replaceAll("import.meta.url", `(${place})`);
        return { contents, loader: "ts", resolveDir: dirname(path) };
      });
    },
  };
}

/**
 * An `import` of node:http reads each of its exports, also those that load fetch and WebSocket only when asked for: 45 ms
 * instead of 3. Node's own object for CommonJS does not.
 */
export function withoutFetch(): Plugin {
  return {
    name: "without-fetch",
    setup: (build) => {
      build.onResolve({ filter: /^(node:)?https?$/ }, ({ path }) => ({ path, namespace: "built-in" }));
      build.onLoad({ filter: /.*/, namespace: "built-in" }, ({ path }) => ({
        contents: `module.exports = process.getBuiltinModule(${JSON.stringify(path)});`,
        loader: "js",
      }));
    },
  };
}
