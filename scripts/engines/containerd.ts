/**
 * A containerd of one's own. It shares this machine's processes and network, because its client hands it files by their
 * path and network namespaces by process; private are its programs and /run, where shims have their sockets and runc
 * its state.
 */
import { chmodSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { bridgeOf } from "./bridges.ts"
import { script } from "./home.ts"
import { limits } from "./limits.ts"
import * as User from "./user.ts"

/** What a client of containerd needs, as it does more by itself than one of Docker. */
export interface ForClient {
  /** The namespace for its containers, whose cgroups are then known by name. */
  readonly namespace: string
  /** A folder for FIFOs and logs, which both the client and the daemon see. */
  readonly folder: string
  /** The folder of CNI plugins. */
  readonly cni: string
  /** What they call the bridge, and its addresses. */
  readonly bridge: string
  readonly subnet: string
  /** Of what networks that are made get their addresses. */
  readonly pool: string
  /** The program buildah. */
  readonly buildah: string
}

interface Prepared {
  readonly socket: string
  readonly command: ReadonlyArray<string>
  readonly client: ForClient
}

/** A word of a shell's command, whatever is in it. */
const quoted = (word: string) => `'${word.replaceAll("'", `'\\''`)}'`

const words = (command: ReadonlyArray<string>) => command.map(quoted).join(" ")

const writeProgram = (path: string, command: string) => {
  writeFileSync(path, `#!/bin/sh\n${command}\n`)
  // Whatever the umask left of it.
  chmodSync(path, 0o755)
}

const inSuite = (
  verb: string,
  ...rest: ReadonlyArray<string>
) => ["unshare", "--mount", "--propagation", "private", "bash", script("inside.sh"), verb, ...rest]

/** The container interface (CRI) would want a CNI configuration and node resources, and nobody here speaks it. */
const disabled = [
  "io.containerd.grpc.v1.cri",
  "io.containerd.cri.v1.images",
  "io.containerd.cri.v1.runtime",
  "io.containerd.podsandbox.controller.v1.podsandbox",
  "io.containerd.nri.v1.nri"
]

/** JSON's strings and lists are TOML's too. */
const config = (own: string, socket: string) =>
  `version = 2
root = ${JSON.stringify(join(own, "root"))}
state = ${JSON.stringify(join(own, "state"))}
disabled_plugins = ${JSON.stringify(disabled)}
[grpc]
  address = ${JSON.stringify(socket)}
[ttrpc]
  address = ${JSON.stringify(`${socket}.ttrpc`)}
[plugins."io.containerd.internal.v1.opt"]
  path = ${JSON.stringify(join(own, "opt"))}
`

/**
 * Run in the namespaces that rootlesskit makes, with a folder and the daemon's command: where shims have their sockets is
 * that folder there, and not what belongs to root.
 */
const enclose = `rm -rf /run/containerd && mkdir /run/containerd && mount --bind "$0" /run/containerd && exec "$@"`

/** The daemon of a user: in namespaces in which he is root. His client enters them to run a program of the suite. */
const prepareRootless = (own: string, tree: string, cgroup: string, buildah: string, conf: string) => {
  User.give(own, "client", "cni", "root", "state", "opt", "shims", "runtime/buildah")
  const state = join(own, "rootlesskit")
  const enter = `nsenter --target "$(cat ${quoted(join(state, "child_pid"))})" --user --mount --preserve-credentials`
  const there = `cd "$0" && exec env ${quoted(conf)} BUILDAH_ISOLATION=chroot buildah "$@"`
  writeProgram(buildah, `exec ${enter} sh -c ${quoted(there)} "$PWD" "$@"`)
  const kit = ["rootlesskit", `--state-dir=${state}`, "--net=host", "--copy-up=/etc", "--copy-up=/run"]
  const daemon = ["containerd", "--config", join(own, "config.toml"), "--log-level", "warn"]
  const user = [...User.inside(own, cgroup), ...kit, "--propagation=rslave", "sh", "-c", enclose, join(own, "shims")]
  return inSuite("daemon", tree, ...user, ...daemon)
}

/** Writes what a containerd called `name` and its client need into the folder `own`, and says how it is started. */
export const prepareContainerd = async (
  own: string,
  tree: string,
  instance: string,
  name: string,
  rootless = false
): Promise<Prepared> => {
  const socket = join(own, "containerd.sock")
  const client = {
    namespace: `efc-${instance}-${name}`,
    folder: join(own, "client"),
    cni: join(own, "cni"),
    ...bridgeOf(instance, name),
    buildah: join(own, "buildah")
  }
  for (const folder of ["client", "cni", "lib/written"]) mkdirSync(join(own, folder), { recursive: true })
  writeFileSync(join(own, "config.toml"), config(own, socket))
  writeFileSync(join(own, "containers.conf"), await limits())

  const conf = `CONTAINERS_CONF_OVERRIDE=${join(own, "containers.conf")}`
  if (rootless) {
    return { socket, client, command: prepareRootless(own, tree, client.namespace, client.buildah, conf) }
  }

  // Each goes by its own name, and finds the others where the suite has them and not once more through a wrapper.
  const wrapped = (verb: string) => words(inSuite(verb, tree, join(own, "lib")))
  const plugin = join(own, "plugin")
  writeProgram(plugin, `exec ${wrapped("plugin")} env CNI_PATH=/usr/lib/cni "/usr/lib/cni/\${0##*/}"`)
  for (const one of readdirSync(join(tree, "usr/lib/cni"))) symlinkSync(plugin, join(client.cni, one))
  writeProgram(client.buildah, `exec ${wrapped("tool")} env ${quoted(conf)} buildah "$@"`)

  const command = inSuite("daemon", tree, "containerd", "--config", join(own, "config.toml"), "--log-level", "warn")
  return { socket, command, client }
}
