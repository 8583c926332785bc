/** dockerode: create, attach, start, wait, and the removal behind the result's back. */
import Dockerode from "dockerode"
import { finished, PassThrough } from "node:stream"
import { promisify } from "node:util"
import { type Contender, image, limited } from "./contender.ts"

export const make = async (host: string): Promise<Contender> => {
  const docker = new Dockerode({ socketPath: host.replace("unix://", "") })
  const behind = new Set<Promise<unknown>>()
  const run = async (command: ReadonlyArray<string>): Promise<string> => {
    const container = await docker.createContainer({ Image: image, Cmd: [...command] })
    const stream = await container.attach({ stream: true, stdout: true, stderr: true })
    const [stdout, stderr] = [new PassThrough(), new PassThrough()]
    const chunks: Array<Buffer> = []
    stdout.on("data", (chunk: Buffer) => chunks.push(chunk))
    stderr.resume()
    container.modem.demuxStream(stream, stdout, stderr)
    const ended = promisify(finished)(stream)
    await container.start()
    await ended
    const { StatusCode } = await container.wait() as { StatusCode: number }
    const removal: Promise<unknown> = container.remove({ force: true }).finally(() => behind.delete(removal))
    behind.add(removal)
    if (StatusCode !== 0) throw new Error(`ended with ${StatusCode}`)
    return Buffer.concat(chunks).toString()
  }
  return { run, many: limited(run), close: async () => void await Promise.all(behind) }
}
