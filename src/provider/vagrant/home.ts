/** As much of the environment as says where Vagrant keeps its own things. */
export interface VagrantSurroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly platform: NodeJS.Platform;
  readonly home: string;
}

/**
 * Vagrant's own folder. In WSL with access to Windows it is Windows' one, where the machines are.
 */
export function vagrantHome({ env, platform, home }: VagrantSurroundings): string {
  const set = (name: string): string | undefined => (env[name] === "" ? undefined : env[name]);
  const own = set("VAGRANT_HOME");
  if (own !== undefined) return own;
  const profile = set("USERPROFILE");
  if (platform === "win32") return `${profile ?? home}\\.vagrant.d`;
  if (isWsl(env) && set("VAGRANT_WSL_ENABLE_WINDOWS_ACCESS") !== undefined) {
    const windows = set("VAGRANT_WSL_WINDOWS_ACCESS_USER_HOME_PATH") ?? wslPath(profile);
    if (windows !== undefined) return `${windows}/.vagrant.d`;
  }
  return `${home}/.vagrant.d`;
}

/** Linux inside of Windows. */
function isWsl(env: VagrantSurroundings["env"]): boolean {
  return env["WSL_DISTRO_NAME"] !== undefined && env["WSL_DISTRO_NAME"] !== "";
}

/** `C:\Users\me` as WSL sees it: `/mnt/c/Users/me`. */
function wslPath(windows: string | undefined): string | undefined {
  if (windows?.startsWith("/") === true) return windows;
  const match = /^([A-Za-z]):[\\/](.*)$/.exec(windows ?? "");
  return match === null
    ? undefined
    : `/mnt/${(match[1] ?? "").toLowerCase()}/${(match[2] ?? "").replaceAll("\\", "/")}`;
}
