/** @docker/node-sdk: create, start, wait, the log, and the removal behind the result's back. */
import { DockerClient } from "@docker/node-sdk"
import { PassThrough } from "node:stream"
import { type Contender, image, limited } from "./contender.ts"

export const make = async (host: string): Promise<Contender> => {
  const docker = await DockerClient.fromDockerHost(host)
  const behind = new Set<Promise<unknown>>()
  const run = async (command: ReadonlyArray<string>): Promise<string> => {
    const { Id } = await docker.containerCreate({ Image: image, Cmd: command })
    await docker.containerStart(Id)
    const { StatusCode } = await docker.containerWait(Id)
    // It cannot say when it is attached: who starts then may miss all of it, or wait for ever.
    const [stdout, stderr] = [new PassThrough(), new PassThrough()]
    const chunks: Array<Buffer> = []
    stdout.on("data", (chunk: Buffer) => chunks.push(chunk))
    stderr.resume()
    await docker.containerLogs(Id, stdout, stderr, { stdout: true, stderr: true })
    const removal: Promise<unknown> = docker.containerDelete(Id, { force: true }).finally(() => behind.delete(removal))
    behind.add(removal)
    if (StatusCode !== 0) throw new Error(`ended with ${StatusCode}`)
    return Buffer.concat(chunks).toString()
  }
  return {
    run,
    many: limited(run),
    close: async () => {
      await Promise.all(behind)
      await docker.close()
    }
  }
}
