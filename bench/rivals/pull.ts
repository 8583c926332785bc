/** What an engine tells of a pull, read by each client's public way. */
import Dockerode from "dockerode"
import { Image } from "effect-containers"
import * as Docker from "effect-containers/layers/Docker"
import * as Effect from "effect/Effect"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Stream from "effect/Stream"
import { request } from "node:http"

/** Pulls, and gives how many statuses it was told. */
type Pull = () => Promise<number>

const raw = (host: string, name: string): Pull => () =>
  new Promise((done, fail) => {
    const path = `/v1.45/images/create?fromImage=${encodeURIComponent(name)}`
    const asked = request({ socketPath: host.replace("unix://", ""), method: "POST", path }, (response) => {
      let count = 0
      let rest = ""
      response.setEncoding("utf8").on("data", (chunk: string) => {
        const text = rest + chunk
        let from = 0
        for (let to = text.indexOf("\n"); to >= 0; to = text.indexOf("\n", from)) {
          const status = JSON.parse(text.slice(from, to)) as { readonly error?: string }
          if (status.error !== undefined) fail(new Error(status.error))
          count++
          from = to + 1
        }
        rest = text.slice(from)
      })
      response.on("end", () => done(count))
    })
    asked.on("error", fail).end()
  })

const dockerode = (host: string, name: string): Pull => {
  const docker = new Dockerode({ socketPath: host.replace("unix://", "") })
  return async () => {
    const stream = await docker.pull(name)
    let count = 0
    await new Promise<void>((done, fail) =>
      docker.modem.followProgress(stream, (error) => error === null ? done() : fail(error), () => {
        count++
      })
    )
    return count
  }
}

const ours = (host: string, name: string): Pull => {
  const runtime = ManagedRuntime.make(Docker.layer({ host }))
  return () => {
    let count = 0
    return runtime.runPromise(Effect.map(
      Stream.runForEachArray(Image.pull(name), (statuses) => {
        count += statuses.length
        return Effect.void
      }),
      () => count
    ))
  }
}

const ways = { raw, dockerode, ours }

export const make = (host: string, way: keyof typeof ways, name: string) => ({ pull: ways[way](host, name) })
