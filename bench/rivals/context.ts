/** A folder as a tar stream, and an image built of it. */
import Dockerode from "dockerode"
import { BuildContext, Image } from "effect-containers"
import * as Docker from "effect-containers/layers/Docker"
import * as Effect from "effect/Effect"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Stream from "effect/Stream"
import { execFile } from "node:child_process"
import { promisify } from "node:util"
import * as tarFs from "tar-fs"

const execute = promisify(execFile)

interface Way {
  /** Makes the archive and gives its size in bytes. */
  readonly pack: (folder: string) => Promise<number>
  readonly build: (folder: string, name: string) => Promise<unknown>
}

const ours = (host: string): Way => {
  const runtime = ManagedRuntime.make(Docker.layer({ host }))
  return {
    pack: (folder) => {
      let size = 0
      const tar = BuildContext.toTar(BuildContext.fromDirectory(folder), { image: "packed" })
      return Effect.runPromise(Effect.map(
        Stream.runForEachArray(tar, (chunks) => {
          for (const chunk of chunks) size += chunk.length
          return Effect.void
        }),
        () => size
      ))
    },
    build: (folder, name) => runtime.runPromise(Stream.runDrain(Image.build(name, BuildContext.fromDirectory(folder))))
  }
}

const dockerode = (host: string): Way => {
  const docker = new Dockerode({ socketPath: host.replace("unix://", "") })
  return {
    pack: async (folder) => {
      let size = 0
      for await (const chunk of tarFs.pack(folder)) size += (chunk as Uint8Array).length
      return size
    },
    build: async (folder, name) => {
      const stream = await docker.buildImage(tarFs.pack(folder), { t: name })
      await new Promise<void>((done, fail) =>
        docker.modem.followProgress(stream, (error) => error === null ? done() : fail(error), () => {})
      )
    }
  }
}

const programs = (host: string, docker: string): Way => ({
  pack: async (folder) => {
    const { stdout } = await execute("sh", ["-c", "tar -cf - -C \"$1\" . | wc -c", "sh", folder])
    return Number(stdout)
  },
  build: (folder, name) =>
    execute(docker, ["-H", host, "build", "-q", "-t", name, folder], {
      env: { ...process.env, DOCKER_BUILDKIT: "0" },
      maxBuffer: 64 * 1048576
    })
})

const ways = { ours, dockerode, programs }

export const make = (host: string, way: keyof typeof ways, docker: string) => ways[way](host, docker)
