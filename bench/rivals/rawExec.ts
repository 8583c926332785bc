/** `node:http` by hand: three requests for a command in a container that is there, which nobody resets. */
import { Agent, request } from "node:http"
import type { Socket } from "node:net"
import { type Contender, image, limited } from "./contender.ts"
import { separate } from "./loop.ts"

export const make = async (host: string): Promise<Contender> => {
  const socketPath = host.replace("unix://", "")
  const agent = new Agent({ keepAlive: true })

  const asking = (method: string, path: string, body: object | undefined, headers: Record<string, string>) => {
    const json = body === undefined ? undefined : JSON.stringify(body)
    const asked = request({
      socketPath,
      method,
      path: `/v1.45${path}`,
      headers: json === undefined
        ? headers
        : { ...headers, "content-type": "application/json", "content-length": Buffer.byteLength(json) },
      ...(headers["upgrade"] === undefined ? { agent } : {})
    })
    asked.end(json)
    return asked
  }
  const ask = (method: string, path: string, body?: object) =>
    new Promise<string>((done, fail) => {
      const asked = asking(method, path, body, {})
      asked.on("error", fail)
      asked.on("response", (response) => {
        let text = ""
        response.setEncoding("utf8").on("data", (chunk: string) => text += chunk)
        response.on("end", () => (response.statusCode ?? 0) < 300 ? done(text) : fail(new Error(text)))
        response.on("error", fail)
      })
    })
  const begin = (id: string) =>
    new Promise<readonly [Socket, Buffer]>((done, fail) => {
      const asked = asking("POST", `/exec/${id}/start`, { Detach: false, Tty: false }, {
        connection: "Upgrade",
        upgrade: "tcp"
      })
      asked.on("upgrade", (_, socket, head) => done([socket, head]))
      asked.on("error", fail)
    })

  const created = await ask("POST", "/containers/create", { Image: image, Cmd: ["sleep", "86400"] })
  const container = (JSON.parse(created) as { Id: string }).Id
  await ask("POST", `/containers/${container}/start`)

  const run = async (command: ReadonlyArray<string>): Promise<string> => {
    const made = await ask("POST", `/containers/${container}/exec`, {
      AttachStdout: true,
      AttachStderr: true,
      Cmd: command
    })
    const { Id } = JSON.parse(made) as { Id: string }
    const [socket, head] = await begin(Id)
    const chunks: Array<Buffer> = [head]
    await new Promise((done, fail) => {
      socket.on("data", (chunk: Buffer) => chunks.push(chunk)).on("end", done).on("error", fail)
    })
    socket.destroy()
    const { ExitCode } = JSON.parse(await ask("GET", `/exec/${Id}/json`)) as { ExitCode: number }
    if (ExitCode !== 0) throw new Error(`ended with ${ExitCode}`)
    return separate(Buffer.concat(chunks)).stdout
  }
  return {
    run,
    many: limited(run),
    close: async () => {
      await ask("DELETE", `/containers/${container}?force=1`)
      agent.destroy()
    }
  }
}
