import * as Redacted from "effect/Redacted"
import type { ContainerConfig } from "../../ContainerConfig.ts"
import type { MemoryImage } from "./image.ts"
import type { Facts } from "./process.ts"
import { filesOf } from "./view.ts"
import type { Held } from "./world.ts"

type Variables = ContainerConfig["env"]

export const plain = (env: Variables): Record<string, string> =>
  Object.fromEntries(env.map(([name, value]) => [name, Redacted.isRedacted(value) ? Redacted.value(value) : value]))

const homeOf = (user: string): string => {
  const name = user.split(":")[0] ?? ""
  if (name === "root" || name === "0") return "/root"
  return /^\d+$/.test(name) ? "/" : `/home/${name}`
}

/** As Docker gives them, if neither the image nor the container does. */
export const environment = (
  facts: { readonly hostname: string; readonly user: string; readonly tty: boolean },
  ...layers: ReadonlyArray<Readonly<Record<string, string>>>
): Record<string, string> =>
  Object.assign(
    {
      PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      HOSTNAME: facts.hostname,
      ...(facts.tty ? { TERM: "xterm" } : {}),
      HOME: homeOf(facts.user)
    },
    ...layers
  )

/** What is run: entrypoint and command, the container's where it has them. */
export const argv = ({ command, entrypoint }: ContainerConfig, image: MemoryImage): ReadonlyArray<string> => [
  ...entrypoint ?? image.config.entrypoint,
  // An entrypoint of its own makes the image's command meaningless.
  ...command ?? (entrypoint === undefined ? image.config.command : [])
]

/** What a container's process is told. */
export const factsOf = (held: Held): Facts => {
  const { config, image } = held
  const user = (config.user ?? image.config.user) || "root"
  const hostname = config.hostname ?? held.id.slice(0, 12)
  return {
    id: held.id,
    name: held.name,
    image: config.image,
    command: argv(config, image),
    env: environment({ hostname, user, tty: config.tty }, image.config.env, plain(config.env)),
    workDir: (config.workDir ?? image.config.workDir) || "/",
    user,
    hostname,
    labels: config.labels,
    mounts: config.mounts,
    resources: config.resources,
    sysctls: config.sysctls ?? {},
    networks: config.networks.length === 0 ? ["default"] : config.networks.map(({ name }) => name),
    ports: held.ports,
    extraHosts: [
      ...config.extraHosts ?? [],
      // The host is this program's own.
      ...config.hostAccess === undefined ? [] : [{ name: config.hostAccess, address: "127.0.0.1" }]
    ],
    dns: config.dns,
    platform: image.platform,
    tty: config.tty,
    init: config.init,
    privileged: config.privileged,
    readOnlyRoot: config.readOnlyRoot,
    security: {
      capAdd: config.capAdd,
      capDrop: config.capDrop,
      noNewPrivileges: config.noNewPrivileges,
      devices: config.devices,
      seccomp: config.seccomp
    },
    isExec: false,
    isBuild: false,
    files: filesOf(held.files)
  }
}
