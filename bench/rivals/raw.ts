/** `node:http` by hand: four requests, and the removal behind the result's back. */
import { Agent, request } from "node:http"
import type { Socket } from "node:net"
import { type Contender, image, limited } from "./contender.ts"
import { separate } from "./loop.ts"

export const make = async (host: string): Promise<Contender> => {
  const socketPath = host.replace("unix://", "")
  const agent = new Agent({ keepAlive: true })
  const behind = new Set<Promise<unknown>>()

  const ask = (method: string, path: string, body?: object) =>
    new Promise<string>((done, fail) => {
      const json = body === undefined ? undefined : JSON.stringify(body)
      const asked = request({
        socketPath,
        agent,
        method,
        path: `/v1.45${path}`,
        headers: json === undefined
          ? {}
          : { "content-type": "application/json", "content-length": Buffer.byteLength(json) }
      }, (response) => {
        let text = ""
        response.setEncoding("utf8").on("data", (chunk: string) => text += chunk)
        response.on("end", () => (response.statusCode ?? 0) < 300 ? done(text) : fail(new Error(text)))
        response.on("error", fail)
      })
      asked.on("error", fail)
      asked.end(json)
    })

  const attach = (id: string) =>
    new Promise<Socket>((done, fail) => {
      const asked = request({
        socketPath,
        method: "POST",
        path: `/v1.45/containers/${id}/attach?stream=1&stdout=1&stderr=1`,
        headers: { connection: "Upgrade", upgrade: "tcp" }
      })
      asked.on("upgrade", (_, socket) => done(socket))
      asked.on("error", fail)
      asked.end()
    })

  const run = async (command: ReadonlyArray<string>): Promise<string> => {
    const { Id } = JSON.parse(await ask("POST", "/containers/create", { Image: image, Cmd: command })) as { Id: string }
    const socket = await attach(Id)
    const chunks: Array<Buffer> = []
    const ended = new Promise((done, fail) => {
      socket.on("data", (chunk: Buffer) => chunks.push(chunk)).on("end", done).on("error", fail)
    })
    await ask("POST", `/containers/${Id}/start`)
    await ended
    socket.destroy()
    const { StatusCode } = JSON.parse(await ask("POST", `/containers/${Id}/wait`)) as { StatusCode: number }
    const removal = ask("DELETE", `/containers/${Id}?force=1`)
    behind.add(removal.finally(() => behind.delete(removal)))
    if (StatusCode !== 0) throw new Error(`ended with ${StatusCode}`)
    return separate(Buffer.concat(chunks)).stdout
  }
  return {
    run,
    many: limited(run),
    close: async () => {
      await Promise.all(behind)
      agent.destroy()
    }
  }
}
