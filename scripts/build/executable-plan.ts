import { AppError } from "../../src/foundation/errors.ts";

/** The machine that builds, and the Node that runs the build. */
export interface BuildHost {
  readonly platform: NodeJS.Platform;
  readonly arch: string;
  readonly node: {
    readonly path: string;
    /** As in `process.versions.node`. */
    readonly version: string;
  };
}

/** What package-lock.json says of our packages, as far as we read it. */
export interface Lock {
  readonly packages: Readonly<
    Record<string, { readonly version?: string; readonly integrity?: string } | undefined>
  >;
}

/** A Linux Node among our optional dependencies: npm installs it on Linux only. */
export interface PinnedNode {
  readonly name: string;
  readonly version: string;
  /** Of npm's archive: `sha512-` and base64. */
  readonly integrity: string;
}

type Argv = readonly [string, ...string[]];

/** How to get the pinned Node where npm did not install it. Both commands run in one empty folder of their own. */
export interface NodeFetch {
  readonly pack: Argv;
  /** What `pack` leaves there, and what `integrity` is of. */
  readonly archive: string;
  readonly unpack: Argv;
  /** What `unpack` leaves there. */
  readonly binary: string;
}

/** How the machines' executable is made on this host. */
export interface ExecutablePlan {
  /** The Node that the executable carries. */
  readonly node: PinnedNode;
  readonly fetch: NodeFetch;
  /** Which Node makes the blob: the carried one where it runs, else the one that runs the build. Never another version. */
  readonly maker: "carried" | "running";
  /** V8 takes compiled code only on the platform that compiled it. Without it a start takes a little longer. */
  readonly useCodeCache: boolean;
  /** Whether to try `strip`: that of macOS reads no Linux executables. */
  readonly strip: boolean;
  /** For whom it is and what is special about it, for the line that the build prints. */
  readonly summary: string;
}

/**
 * Plans the machines' executable: for Linux, on the host's kind of processor, which its virtual machines have as well.
 * @throws E_HOST_LACKS when no Node of the pinned version can make the blob here, E_NOT_SUPPORTED on other processors
 */
export function planExecutable(host: BuildHost, lock: Lock): ExecutablePlan {
  const { platform, arch } = host;
  // A blob has numbers as its maker's processor writes them: these two are alike, others are not.
  if (arch !== "x64" && arch !== "arm64") {
    const hint = "build on x64 or arm64, and copy dist/node/flotilla-node";
    throw new AppError("E_NOT_SUPPORTED", `the machines' executable cannot be built on ${platform} ${arch}`, {
      hint,
    });
  }
  const node = pinnedNode(`node-linux-${arch}`, lock);
  const native = platform === "linux";
  if (!native && host.node.version !== node.version) throw otherVersion(host, node);
  return {
    node,
    fetch: fetchOf(node, platform),
    maker: native ? "carried" : "running",
    useCodeCache: native,
    strip: native,
    summary: native ? `Linux ${arch}` : `Linux ${arch}, made on ${platform}: nothing is precompiled`,
  };
}

function pinnedNode(name: string, lock: Lock): PinnedNode {
  const { version, integrity } = lock.packages[`node_modules/${name}`] ?? {};
  if (version === undefined || integrity === undefined) {
    throw new AppError("E_BUG", `package-lock.json pins no ${name}`);
  }
  return { name, version, integrity };
}

/** Names without folders only: some `tar` of Windows takes `C:` for the name of another computer. */
function fetchOf({ name, version }: PinnedNode, platform: NodeJS.Platform): NodeFetch {
  const archive = `${name}-${version}.tgz`;
  const binary = "package/bin/node";
  const npm = platform === "win32" ? "npm.cmd" : "npm";
  return {
    pack: [npm, "pack", `${name}@${version}`, "--pack-destination=."],
    archive,
    unpack: ["tar", "-xzf", archive, binary],
    binary,
  };
}

function otherVersion(host: BuildHost, node: PinnedNode): AppError {
  return new AppError(
    "E_HOST_LACKS",
    `on ${host.platform}, only Node ${node.version} can build the machines' executable, and this is ${host.node.version}`,
    {
      hint:
        `install Node ${node.version} from https://nodejs.org/dist/v${node.version}/ and run 'npm run build' again; ` +
        "the programs for this computer are built",
    },
  );
}
