/** Between a client and an engine: which requests there are. */
import { rmSync } from "node:fs"
import { connect, createServer } from "node:net"

export interface Proxy {
  /** Where the engine is reached through it, as DOCKER_HOST has it. */
  readonly host: string
  /** Method and path of the requests since the last call, the version and what is not the same each time left out. */
  readonly requests: () => ReadonlyArray<string>
  /** How many bytes the engine has said since the last call. */
  readonly answered: () => number
  readonly stop: () => void
}

/** Every client writes the head of a request by itself, or at the beginning of what it writes. */
const head = /^(GET|HEAD|POST|PUT|DELETE) (\S+) HTTP\/1\.1\r\n/

const plain = (path: string): string =>
  path.replace(/^\/v[\d.]+/, "").replace(/\?.*/, "").replace(
    /\/(containers|services|tasks)\/(?!create|json)[^/]+/,
    "/$1/ID"
  )

/** Listens at `path`. */
export const proxy = (host: string, path: string): Promise<Proxy> => {
  let seen: Array<string> = []
  let bytes = 0
  const engine = host.replace("unix://", "")
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const to = connect({ path: engine, allowHalfOpen: true })
    client.on("data", (chunk: Buffer) => {
      const [, method, where] = head.exec(chunk.subarray(0, 4096).toString("latin1")) ?? []
      if (method !== undefined && where !== undefined) seen.push(`${method} ${plain(where)}`)
    })
    to.on("data", (chunk: Buffer) => bytes += chunk.length)
    client.pipe(to)
    to.pipe(client)
    const end = () => {
      client.destroy()
      to.destroy()
    }
    client.on("error", end)
    to.on("error", end)
  })
  return new Promise((done) =>
    server.listen(path, () =>
      done({
        host: `unix://${path}`,
        requests: () => {
          const requests = seen
          seen = []
          return requests
        },
        answered: () => {
          const answered = bytes
          bytes = 0
          return answered
        },
        stop: () => {
          server.close()
          rmSync(path, { force: true })
        }
      }))
  )
}
