/**
 * The BuildKit inside of a dockerd as one of its own: each connection to the relay's socket is one to dockerd's, after
 * the upgrade by which it hands over to BuildKit.
 */
import { Effect, type Scope } from "effect"
import { once } from "node:events"
import { mkdtemp, rm } from "node:fs/promises"
import { connect, createServer, type Socket } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"

export interface Relay {
  /** Absolute path of its socket. */
  readonly socket: string
  /** How many connections there are. */
  readonly connections: () => number
  /** Ends those that there are, as a BuildKit that goes down does. */
  readonly cut: () => void
}

const upgrade = "POST /grpc HTTP/1.1\r\nHost: buildkit\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"

const handOver = (near: Socket, far: Socket): void => {
  let head = ""
  const read = (bytes: Buffer) => {
    head += bytes.toString("latin1")
    const end = head.indexOf("\r\n\r\n")
    if (end === -1) return
    far.off("data", read)
    if (!head.startsWith("HTTP/1.1 101")) return void near.destroy()
    near.write(Buffer.from(head.slice(end + 4), "latin1"))
    far.pipe(near)
    near.pipe(far)
  }
  far.on("data", read)
  far.write(upgrade)
}

/** `host` as DOCKER_HOST has it. */
export const relay = (host: string): Effect.Effect<Relay, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.promise(async () => {
        const folder = await mkdtemp(join(tmpdir(), "efc-relay-"))
        const socket = join(folder, "buildkitd.sock")
        const open = new Set<Socket>()
        const cut = () => open.forEach((socket) => socket.destroy())
        const server = createServer((near) => {
          const far = connect({ path: host.replace(/^unix:\/\//, "") })
          for (const [one, other] of [[near, far], [far, near]] as const) {
            open.add(one)
            one.on("error", () => {})
            one.on("close", () => {
              open.delete(one)
              other.destroy()
            })
          }
          far.once("connect", () => handOver(near, far))
        })
        server.listen(socket)
        await once(server, "listening")
        const stop = async () => {
          cut()
          server.close()
          await rm(folder, { recursive: true, force: true })
        }
        return { socket, cut, connections: () => open.size / 2, stop }
      }),
      ({ stop }) => Effect.promise(stop)
    ),
    ({ connections, cut, socket }) => ({ connections, cut, socket })
  )
