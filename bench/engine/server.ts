/**
 * An engine that runs nothing: a container of it writes what it was told to, as fast as it is read, and a pull tells what
 * it was told to. So it is the client that is measured. In a process of its own, by worker.ts.
 */
import { createServer, type ServerResponse } from "node:http"
import type { Socket } from "node:net"
import type { Writable } from "node:stream"
import { fragments, frames } from "./frames.ts"
import { pullLines } from "./pullLines.ts"

interface Output {
  readonly frame: number
  readonly chunk: number
  /** Bytes of frames, headers included; the pieces are whole rounds of what `frames` makes. */
  readonly total: number
}

const idOf = (path: string): string => /\/containers\/([^/]+)\//.exec(path)?.[1] ?? ""

export const make = async (path: string) => {
  let output: Output = { frame: 80, chunk: 65_536, total: 0 }
  let pieces = fragments(frames(output.frame), output.chunk)
  let lines = 0
  let count = 0
  const attached = new Map<string, Writable>()

  /** Whole frames, over and over. */
  const write = (to: Writable): void => {
    let left = output.total
    let next = 0
    const more = (): void => {
      while (left > 0 || next % pieces.length > 0) {
        const piece = pieces[next++ % pieces.length] ?? Buffer.alloc(0)
        left -= piece.length
        if (!to.write(piece)) return void to.once("drain", more)
      }
      to.end()
    }
    more()
  }

  const json = (response: ServerResponse, status: number, value: object): void => {
    const text = JSON.stringify(value)
    response.writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(text) })
    response.end(text)
  }

  const server = createServer((request, response) => {
    request.resume()
    const where = (request.url ?? "").replace(/^\/v[\d.]+/, "").replace(/\?.*/, "")
    if (where === "/_ping") response.writeHead(200, { "api-version": "1.45" }).end("OK")
    else if (where === "/containers/create") {
      json(response, 201, { Id: String(count++).padStart(64, "c"), Warnings: [] })
    } else if (where.endsWith("/start")) {
      response.writeHead(204).end()
      const to = attached.get(idOf(where))
      if (to !== undefined) write(to)
      attached.delete(idOf(where))
    } else if (where.endsWith("/attach")) {
      // Whoever does not ask for the connection as such gets an answer without an end.
      response.writeHead(200, { "content-type": "application/vnd.docker.multiplexed-stream" }).flushHeaders()
      attached.set(idOf(where), response)
    } else if (where.endsWith("/wait")) {
      // The end of the output is the end of the container.
      json(response, 200, { StatusCode: 0 })
    } else if (where === "/images/create") {
      response.writeHead(200, { "content-type": "application/json" })
      let left = lines
      const all = pullLines(1000)
      const more = (): void => {
        while (left > 0) {
          left -= 1000
          if (!response.write(all)) return void response.once("drain", more)
        }
        response.end()
      }
      more()
    } else if (request.method === "DELETE") response.writeHead(204).end()
    else json(response, 404, { message: `no ${request.method} ${where}` })
  })
  // An engine does not close a connection because nothing was asked for a while.
  server.keepAliveTimeout = 0
  server.on("upgrade", (request, socket: Socket) => {
    socket.on("error", () => {})
    socket.write(
      "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.multiplexed-stream\r\nConnection: Upgrade\r\n"
        + "Upgrade: tcp\r\n\r\n"
    )
    attached.set(idOf(request.url ?? ""), socket)
  })
  await new Promise<void>((done) => server.listen(path, done))
  return {
    writes: (what: Output) => {
      output = what
      pieces = fragments(frames(output.frame, Math.min(output.total, 4 * 1024 * 1024)), output.chunk)
    },
    tells: (count: number) => {
      lines = count
    }
  }
}
