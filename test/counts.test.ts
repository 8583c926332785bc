import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { Container, Logs } from "effect-containers"
import * as Docker from "effect-containers/layers/Docker"
import { execFile } from "node:child_process"
import { readFileSync } from "node:fs"
import { promisify } from "node:util"
import { json, serve } from "./layers/docker/fake.ts"

/** What costs time, counted: the same on every machine. Raise a number only for something that is worth it. */
const most = {
  /** Modules of the core, Effect's among them. */
  core: 310,
  /** With an engine, and what its transport loads. */
  docker: 570,
  /** Packages that `npm install effect-containers` brings, `effect` and what it needs among them. */
  packages: 71
}

const src = new URL("../src/", import.meta.url)

/** The modules that are loaded by these imports, in a process of its own. */
const loaded = async (...modules: ReadonlyArray<string>): Promise<ReadonlyArray<string>> => {
  const program = `
    import { registerHooks } from "node:module"
    const seen = []
    registerHooks({ load: (url, context, next) => (seen.push(url), next(url, context)) })
    for (const url of ${JSON.stringify(modules.map((name) => new URL(name, src).href))}) await import(url)
    process.stdout.write(JSON.stringify(seen.filter((url) => url.startsWith("file:"))))`
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", program], {
    maxBuffer: 16 * 1024 * 1024
  })
  return JSON.parse(stdout) as ReadonlyArray<string>
}

const having = (urls: ReadonlyArray<string>, part: RegExp) => urls.filter((url) => part.test(url))

describe("what is loaded", () => {
  it("the core loads no engine, and is not more than it was", async () => {
    const urls = await loaded("index.ts")
    assert.deepStrictEqual(having(urls, /\/src\/layers\/|@grpc|@bufbuild/), [])
    assert.isAtMost(urls.length, most.core)
  })

  it("Docker loads no other engine, and no package but its transport", async () => {
    const urls = await loaded("index.ts", "layers/Docker.ts")
    assert.deepStrictEqual(
      having(urls, /\/src\/layers\/(containerd|memory|swarm|Containerd|Memory|Swarm|Auto)|@bufbuild/),
      []
    )
    assert.isAtMost(urls.length, most.docker)
  })

  it("containerd and memory load no other engine", async () => {
    assert.deepStrictEqual(having(await loaded("layers/Containerd.ts"), /\/src\/layers\/(docker|memory|swarm)/i), [])
    assert.deepStrictEqual(
      having(await loaded("layers/Memory.ts"), /\/src\/layers\/(docker|containerd|swarm)|@grpc|@bufbuild/i),
      []
    )
  })
})

describe("what is installed", () => {
  it("is not more than it was", () => {
    const lock = JSON.parse(readFileSync(new URL("../package-lock.json", import.meta.url), "utf8")) as {
      readonly packages: Readonly<Record<string, { readonly dev?: boolean }>>
    }
    const names = Object.entries(lock.packages).filter(([path, { dev }]) => path !== "" && dev !== true)
    assert.isAtMost(names.length, most.packages)
  })
})

describe("what a run asks of Docker", () => {
  it.live("is four requests until its result", () =>
    Effect.gen(function*() {
      const header = "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
      const fake = yield* serve((_, response, path) => {
        if (path.startsWith("/containers/create")) json(response, 201, { Id: "c1", Warnings: [] })
        else if (path.includes("/wait")) json(response, 200, { StatusCode: 0 })
        else response.writeHead(204).end()
      }, {
        onUpgrade: (_, socket) => {
          socket.write(header)
          socket.end(Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 2, 104, 105))
        }
      })
      const run = Container.string(Container.make("image"))
      const asked = yield* Effect.provide(
        Effect.map(run, (text) => ({ text, requests: fake.requests.map((request) => request.replace(/\?.*/, "")) })),
        Docker.layer({ host: fake.host })
      )
      assert.strictEqual(asked.text, "hi")
      assert.deepStrictEqual(asked.requests.filter((request) => !request.startsWith("DELETE")), [
        "GET /_ping",
        "POST /containers/create",
        "POST /containers/c1/attach",
        "POST /containers/c1/start",
        "POST /containers/c1/wait"
      ])
    }))
})

describe("what is copied of output", () => {
  it.effect("nothing: frames are views of what was read, wherever it was cut", () =>
    Effect.gen(function*() {
      const whole = new Uint8Array(8 + 80 + 8 + 4096)
      whole.set([1, 0, 0, 0, 0, 0, 0, 80])
      whole.set([2, 0, 0, 0, 0, 0, 16, 0], 88)
      const pieces = [whole.slice(0, 50), whole.slice(50, 1000), whole.slice(1000)]
      const frames = yield* Stream.runCollect(Logs.decode(Stream.fromIterable(pieces)))
      const buffers = new Set<ArrayBufferLike>(pieces.map(({ buffer }) => buffer))
      assert.strictEqual(frames.reduce((sum, { bytes }) => sum + bytes.length, 0), 80 + 4096)
      assert.deepStrictEqual(frames.filter(({ bytes }) => !buffers.has(bytes.buffer)), [])
    }))
})
