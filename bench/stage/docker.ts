/** An engine with the image that is run, and what can be asked of it on the side. */
import { request } from "node:http"
import { setTimeout as sleep } from "node:timers/promises"
import { archive, makeImage } from "../../scripts/engines/image.ts"
import { type Engines, load, start } from "../../scripts/engines/start.ts"
import { image } from "../rivals/contender.ts"

export interface Docker {
  readonly host: string
  /** A socket's path in a folder that goes with the engine. */
  readonly socket: (name: string) => string
  readonly registry: string
  /** Waits until no container is left: what is removed behind the results' backs would be in the next one's way. */
  readonly settled: () => Promise<void>
  readonly ask: (method: string, path: string) => Promise<string>
}

const ask = (host: string) => (method: string, path: string): Promise<string> =>
  new Promise((done, fail) => {
    const asked = request({ socketPath: host.replace("unix://", ""), method, path }, (response) => {
      let text = ""
      response.setEncoding("utf8").on("data", (chunk: string) => text += chunk)
      response.on("end", () => done(text))
      response.on("error", fail)
    })
    asked.on("error", fail)
    asked.end()
  })

/** The Docker among engines that were started, with the image. */
export const dockerOf = async (engines: Engines): Promise<Docker> => {
  const engine = engines.engines["docker"]
  if (engine === undefined) throw new Error("there is no Docker")
  await load(engine, archive(await makeImage(), [image]))
  const asked = ask(engine.host)
  return {
    host: engine.host,
    socket: (name) => `${engines.folder}/${name}.sock`,
    registry: engines.registries["registry"] ?? "",
    ask: asked,
    settled: async () => {
      while (await asked("GET", "/containers/json?all=1") !== "[]\n") await sleep(5)
    }
  }
}

/** Starts a Docker, with a registry if wanted, for as long as `use` takes. */
export const withDocker = async (
  use: (docker: Docker) => Promise<void>,
  more: ReadonlyArray<string> = []
): Promise<void> => {
  const engines = await start(["docker", ...more])
  try {
    await use(await dockerOf(engines))
  } finally {
    await engines.stop()
  }
}
