/** Output read through each client's public way, as fast as it can: by the engine that runs nothing, or by a real one. */
import { DockerClient } from "@docker/node-sdk"
import Dockerode from "dockerode"
import { Container } from "effect-containers"
import * as Docker from "effect-containers/layers/Docker"
import * as Effect from "effect/Effect"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Stream from "effect/Stream"
import { spawn } from "node:child_process"
import { request } from "node:http"
import type { Socket } from "node:net"
import { Writable } from "node:stream"
import { finished } from "node:stream/promises"
import { setTimeout as sleep } from "node:timers/promises"
import { resident } from "../measure/usage.ts"
import { image } from "./contender.ts"
import { Walker } from "./loop.ts"

/** Reads all that the command writes and gives how many bytes it were; pauses a millisecond after each `slow` bytes. */
interface Read {
  (command: ReadonlyArray<string>, slow: number): Promise<number>
  /** Ends what it has opened for all that it reads. */
  readonly end?: () => Promise<void>
}

/** Says when a consumer has taken so much that it is to pause. */
const pauses = (slow: number) => {
  let taken = 0
  return (bytes: number): boolean => {
    taken += bytes
    if (slow === 0 || taken < slow) return false
    taken = 0
    return true
  }
}

const slowly = (count: (bytes: number) => void, slow: number): Writable => {
  const isDue = pauses(slow)
  return new Writable({
    write: (chunk: Uint8Array, _, done) => {
      count(chunk.length)
      if (isDue(chunk.length)) setTimeout(done, 1)
      else done()
    }
  })
}

const raw = (host: string): Read => async (command, slow) => {
  const socketPath = host.replace("unix://", "")
  const ask = (path: string, body?: object) =>
    new Promise<string>((done, fail) => {
      const json = body === undefined ? "" : JSON.stringify(body)
      const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(json) }
      const asked = request({ socketPath, method: "POST", path: `/v1.45${path}`, headers }, (response) => {
        let text = ""
        response.setEncoding("utf8").on("data", (chunk: string) => text += chunk).on("end", () => done(text))
      })
      asked.on("error", fail)
      asked.end(json)
    })
  const { Id } = JSON.parse(await ask("/containers/create", { Image: image, Cmd: command })) as { Id: string }
  const socket = await new Promise<Socket>((done, fail) => {
    const asked = request({
      socketPath,
      method: "POST",
      path: `/v1.45/containers/${Id}/attach?stream=1&stdout=1&stderr=1`,
      headers: { connection: "Upgrade", upgrade: "tcp" }
    })
    asked.on("upgrade", (_, socket) => done(socket)).on("error", fail).end()
  })
  await ask(`/containers/${Id}/start`)
  let bytes = 0
  const walker = new Walker()
  const isDue = pauses(slow)
  const take = (_: number, payload: Uint8Array) => {
    bytes += payload.length
  }
  if (slow === 0) {
    socket.on("data", (chunk: Buffer) => walker.push(chunk, take))
    await finished(socket, { writable: false })
  } else {
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      walker.push(chunk, take)
      if (isDue(chunk.length)) await sleep(1)
    }
  }
  await ask(`/containers/${Id}/wait`)
  request({ socketPath, method: "DELETE", path: `/v1.45/containers/${Id}?force=1` }).end()
  return bytes
}

const dockerode = (host: string): Read => async (command, slow) => {
  const docker = new Dockerode({ socketPath: host.replace("unix://", "") })
  const container = await docker.createContainer({ Image: image, Cmd: [...command] })
  const stream = await container.attach({ stream: true, stdout: true, stderr: true })
  let bytes = 0
  const to = slowly((size) => bytes += size, slow)
  container.modem.demuxStream(stream, to, to)
  const ended = finished(stream, { writable: false })
  await container.start()
  await ended
  await container.wait()
  to.end()
  await finished(to)
  await container.remove({ force: true })
  return bytes
}

const sdk = (host: string): Read => async (command, slow) => {
  const docker = await DockerClient.fromDockerHost(host)
  const { Id } = await docker.containerCreate({ Image: image, Cmd: command })
  let bytes = 0
  const to = slowly((size) => bytes += size, slow)
  const attached = docker.containerAttach(Id, to, to, { stream: true, stdout: true, stderr: true })
  await sleep(100)
  await docker.containerStart(Id)
  await attached
  await docker.containerWait(Id)
  to.end()
  await finished(to)
  await docker.containerDelete(Id, { force: true })
  await docker.close()
  return bytes
}

const ours = (host: string): Read => {
  const runtime = ManagedRuntime.make(Docker.layer({ host }))
  const read = async (command: ReadonlyArray<string>, slow: number): Promise<number> => {
    let bytes = 0
    const isDue = pauses(slow)
    await runtime.runPromise(Stream.runForEachArray(
      Container.stream(Container.make(image).pipe(Container.command(command))),
      (frames) => {
        let size = 0
        for (let n = 0; n < frames.length; n++) size += frames[n]!.bytes.length
        bytes += size
        return isDue(size) ? Effect.sleep(1) : Effect.void
      }
    ))
    return bytes
  }
  return Object.assign(read, { end: () => runtime.dispose() })
}

const cli = (host: string, program: string): Read => async (command, slow) => {
  const child = spawn(program, ["-H", host, "run", "--rm", image, ...command], { stdio: ["ignore", "pipe", "pipe"] })
  child.stderr.resume()
  let bytes = 0
  const isDue = pauses(slow)
  for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (isDue(chunk.length)) await sleep(1)
  }
  return bytes
}

const ways: Readonly<Record<string, (host: string, program: string) => Read>> = { raw, dockerode, sdk, ours, cli }

export const make = (host: string, way: string, program: string) => {
  const read = ways[way]?.(host, program)
  if (read === undefined) throw new Error(`no way is called ${way}`)
  return {
    read,
    /** What memory it had at most while it read, over what it had before: MiB. */
    watched: async (command: ReadonlyArray<string>, slow: number) => {
      const before = resident()
      let most = before
      const watch = setInterval(() => {
        most = Math.max(most, resident())
      }, 20)
      const bytes = await read(command, slow)
      await read.end?.()
      clearInterval(watch)
      return { bytes, before, most: Math.max(most, resident()) }
    }
  }
}
