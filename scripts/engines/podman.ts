/**
 * Podman as it is when it stands in for Docker: `podman system service`, in namespaces of its own as a Docker is.
 */
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { limits } from "./limits.ts"
import * as User from "./user.ts"

/** Without TLS: those that `keeper.ts` can start, without and with a password, and those of tests' own. */
const ports = [5000, 5001, 5010, 5011, 5012, 5013]

/** In each of sixteen networks. */
const registries = Array.from({ length: 16 }, (_, network) => `203.0.113.${network * 16 + 1}`)
  .flatMap((host) => ports.map((port) => `${host}:${port}`))

/** Unlike Docker's setting, this one knows no ranges of addresses. */
const insecure = (address: string) => `[[registry]]\nlocation = "${address}"\ninsecure = true\n`

/** One that belongs to a user. */
export interface Rootless {
  /** Where all that he starts is found again. */
  readonly cgroup: string
}

/** Its data is in the engine's own folder; what is for as long as it runs, in its own /run, or in the user's place for it. */
export const preparePodman = async (
  own: string,
  socket: string,
  rootless?: Rootless
): Promise<ReadonlyArray<string>> => {
  for (const folder of ["root", "networks", "tmp"]) mkdirSync(join(own, folder))
  writeFileSync(
    join(own, "containers.conf"),
    `[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
[network]
network_backend = "netavark"
${rootless === undefined ? "" : `default_rootless_network_cmd = "slirp4netns"\n`}${await limits()}`
  )
  writeFileSync(
    join(own, "registries.conf"),
    `short-name-mode = "permissive"\n${registries.map(insecure).join("")}`
  )
  if (rootless !== undefined) User.give(own, "root", "networks", "tmp", "runtime/containers", "runtime/libpod")
  const run = rootless === undefined ? "/run/efc" : join(own, "runtime")
  return [
    ...rootless === undefined ? [] : User.inside(own, rootless.cgroup),
    ["catatonit", "--", "env", `CONTAINERS_CONF=${join(own, "containers.conf")}`, `TMPDIR=${join(own, "tmp")}`],
    [`CONTAINERS_REGISTRIES_CONF=${join(own, "registries.conf")}`, "PODMAN_IGNORE_CGROUPSV1_WARNING=1"],
    ["podman", "--root", join(own, "root"), "--runroot", join(run, "containers"), "--tmpdir", join(run, "libpod")],
    ["--network-config-dir", join(own, "networks"), "system", "service", "--time", "0", `unix://${socket}`]
  ].flat()
}
