/**
 * Starts what tests with a real engine need, once for all of them, and takes it down after them.
 *
 * `EFFECT_CONTAINERS_ENGINES` says which engines, see `scripts/engines/chosen.ts`. Tests find them in the
 * environment: `EFFECT_CONTAINERS_TEST_DOCKER` (and `_DOCKER20`, ...) as DOCKER_HOST has it,
 * `EFFECT_CONTAINERS_TEST_DOCKER_ADDRESS` where its published ports are, of a containerd also
 * `EFFECT_CONTAINERS_TEST_CONTAINERD_NAMESPACE`, `_FOLDER` (for its client's files), `_CNI` (the plugins' folder), `_BRIDGE`
 * , `_SUBNET` and `_POOL` (what they are told) and `_BUILDAH` (the program), of a BuildKit the socket of the dockerd that it is
 * inside of, `EFFECT_CONTAINERS_TEST_REGISTRY`, `_REGISTRY_AUTH` (user, secret) and `_REGISTRY_TLS` (`_REGISTRY_TLS_CA`
 * is the file of who certified it) as `host:port`,
 * `EFFECT_CONTAINERS_TEST_MACHINE` the address at which an engine reaches a server of a test, and
 * `EFFECT_CONTAINERS_TEST_IMAGE` the archive of `busybox:test`.
 */
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { conforming, some } from "../scripts/engines/chosen.ts"
import { archive, makeImage } from "../scripts/engines/image.ts"
import { start } from "../scripts/engines/start.ts"
import { row } from "../scripts/engines/table.ts"
import { variable, variables } from "../scripts/engines/variables.ts"

export default async function setup(): Promise<(() => Promise<void>) | undefined> {
  const engines = [...new Set([...some, ...conforming])].filter((name) => name !== "memory")
  if (engines.length === 0) return undefined
  const ofUser = engines.find((name) => row(name)?.rootless === true)
  if (ofUser !== undefined && process.getuid?.() === 0) {
    throw new Error(`${ofUser} is asked by its user: npm run conformance -- ${ofUser}`)
  }
  // What it builds, it builds for a containerd.
  if (engines.some((name) => row(name)?.kind === "buildkit")) engines.push("containerd")
  const started = await start([...engines, "registry", "registry-auth", "registry-tls"])
  try {
    const image = join(started.folder, "busybox.tar")
    writeFileSync(image, archive(await makeImage(), ["busybox:test"]))
    Object.assign(process.env, variables(started))
    process.env[variable("image")] = image
  } catch (error) {
    await started.stop()
    throw error
  }
  return started.stop
}
