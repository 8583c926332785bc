import { assert, describe, it } from "@effect/vitest"
import type { Endpoint } from "effect-containers/layers/dockerApi/connection"
import { candidates, parseHost } from "effect-containers/layers/dockerApi/discover"
import * as Environment from "effect-containers/layers/dockerApi/environment"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import { createHash } from "node:crypto"
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"

const read = (variables: Record<string, string>) =>
  Environment.read.pipe(
    Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromUnknown(variables)),
    Effect.orDie
  )

const find = (variables: Record<string, string>, config = {}) =>
  Effect.flatMap(read(variables), (environment) => candidates(config, environment))

const unix = (path: string): Result.Result<Endpoint> => Result.succeed({ _tag: "Unix", path })

const tcp = (fields: Omit<Extract<Endpoint, { readonly _tag: "Tcp" }>, "_tag">): Endpoint => ({
  _tag: "Tcp",
  ...fields
})

const home: Effect.Effect<string, never, Scope.Scope> = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "efc-home-"))),
  (path) => Effect.promise(() => rm(path, { recursive: true }))
)

const context = Effect.fnUntraced(
  function*(directory: string, name: string, meta: unknown, tls: Record<string, string>) {
    const hash = createHash("sha256").update(name).digest("hex")
    const metaDirectory = join(directory, ".docker/contexts/meta", hash)
    const tlsDirectory = join(directory, ".docker/contexts/tls", hash, "docker")
    yield* Effect.promise(async () => {
      await mkdir(metaDirectory, { recursive: true })
      await mkdir(tlsDirectory, { recursive: true })
      await writeFile(join(metaDirectory, "meta.json"), JSON.stringify(meta))
      for (const [file, text] of Object.entries(tls)) await writeFile(join(tlsDirectory, file), text)
    })
  }
)

const clientConfig = (directory: string, text: string) =>
  Effect.promise(async () => {
    await mkdir(join(directory, ".docker"), { recursive: true })
    await writeFile(join(directory, ".docker/config.json"), text)
  })

describe("addresses", { timeout: 60_000 }, () => {
  const good = (host: string) => Result.getOrThrow(parseHost(host, undefined))
  const bad = (host: string) => Result.getOrThrow(Result.flip(parseHost(host, undefined)))

  it("sockets", () => {
    assert.deepStrictEqual(good("unix:///run/x.sock"), { _tag: "Unix", path: "/run/x.sock" } as const)
    assert.deepStrictEqual(good("/run/x.sock"), { _tag: "Unix", path: "/run/x.sock" } as const)
    assert.strictEqual(bad("unix://run/x.sock")._tag, "InvalidArgument")
  })

  it("networks, their usual ports and paths", () => {
    const at = (port: number, fields = {}) => tcp({ host: "h", port, prefix: "", ...fields })
    assert.deepStrictEqual(good("tcp://h:99"), at(99))
    assert.deepStrictEqual(good("h:99"), at(99))
    assert.deepStrictEqual(good("tcp://h"), at(2375))
    assert.deepStrictEqual(good("tcp://h:80"), at(80))
    assert.deepStrictEqual(good("http://h/a/b/"), at(80, { prefix: "/a/b" }))
    assert.deepStrictEqual(good("https://h"), at(443, { tls: { verify: true } }))
    assert.deepStrictEqual(good("tcp://[::1]:99"), at(99, { host: "[::1]" }))
    const untrusted = parseHost("tcp://h", { verify: false })
    assert.deepStrictEqual(Result.getOrThrow(untrusted), at(2376, { tls: { verify: false } }))
  })

  it("what is not supported, and what is nothing", () => {
    assert.strictEqual(bad("ssh://me@h")._tag, "Unsupported")
    assert.strictEqual(bad("npipe:////./pipe/docker_engine")._tag, "Unsupported")
    for (const host of ["", "h", "ftp://h", "tcp://", "tcp://me:secret@h:1", "tcp://h:1?x", "tcp://h:99999"]) {
      assert.strictEqual(bad(host)._tag, "InvalidArgument", host)
    }
  })
})

describe("candidates", { timeout: 60_000 }, () => {
  it.effect("what is asked for, and nothing else", () =>
    Effect.gen(function*() {
      const found = yield* find({ DOCKER_HOST: "tcp://other:1" }, { host: "unix:///a.sock" })
      assert.deepStrictEqual(found, [{
        address: "unix:///a.sock",
        source: "the configuration",
        endpoint: unix("/a.sock")
      }])
    }))

  it.effect("DOCKER_HOST goes before contexts, also when it is of no use", () =>
    Effect.gen(function*() {
      const [found, ...rest] = yield* find({ DOCKER_HOST: "ssh://h", DOCKER_CONTEXT: "x" })
      assert.deepStrictEqual(rest, [])
      assert.strictEqual(found?.source, "DOCKER_HOST")
      assert.isTrue(found !== undefined && Result.isFailure(found.endpoint))
    }))

  it.effect("TLS from DOCKER_CERT_PATH, verified only when asked", () =>
    Effect.gen(function*() {
      const path = yield* home
      yield* Effect.promise(async () => {
        for (const name of ["ca", "cert", "key"]) await writeFile(join(path, `${name}.pem`), name.toUpperCase())
      })
      const environment = { DOCKER_HOST: "tcp://h", DOCKER_CERT_PATH: path }
      for (const verify of [false, true]) {
        const [found] = yield* find({ ...environment, ...(verify ? { DOCKER_TLS_VERIFY: "1" } : {}) })
        assert.deepStrictEqual(
          found?.endpoint,
          Result.succeed(tcp({
            host: "h",
            port: 2376,
            prefix: "",
            tls: { verify, ca: "CA", cert: "CERT", key: Redacted.make("KEY") }
          }))
        )
      }
      const [socket] = yield* find({ ...environment, DOCKER_HOST: "unix:///a.sock" })
      assert.deepStrictEqual(socket?.endpoint, unix("/a.sock"))
    }))

  it.effect("the current context, with its TLS material", () =>
    Effect.gen(function*() {
      const path = yield* home
      yield* clientConfig(path, JSON.stringify({ currentContext: "far", auths: null }))
      yield* context(
        path,
        "far",
        { Name: "far", Metadata: {}, Endpoints: { docker: { Host: "tcp://far:2376", SkipTLSVerify: false } } },
        { "ca.pem": "CA", "cert.pem": "CERT", "key.pem": "KEY" }
      )
      yield* context(path, "near", { Endpoints: { docker: { Host: "unix:///near.sock" } } }, {})
      const [far, ...rest] = yield* find({ HOME: path })
      assert.deepStrictEqual(rest, [])
      assert.deepStrictEqual(far, {
        address: "https://far:2376",
        source: "the context far, from the current context",
        endpoint: Result.succeed(tcp({
          host: "far",
          port: 2376,
          prefix: "",
          tls: { verify: true, ca: "CA", cert: "CERT", key: Redacted.make("KEY") }
        }))
      })
      const [near] = yield* find({ HOME: path, DOCKER_CONTEXT: "near" })
      assert.deepStrictEqual(near?.endpoint, unix("/near.sock"))
      const usual = yield* find({ HOME: path, DOCKER_CONTEXT: "default" })
      assert.strictEqual(usual[0]?.address, "unix:///var/run/docker.sock")
    }))

  it.effect("a context that is not there, or not one", () =>
    Effect.gen(function*() {
      const path = yield* home
      yield* context(path, "empty", { Endpoints: {} }, {})
      for (const [name, tag] of [["missing", "NotFound"], ["empty", "InvalidArgument"]] as const) {
        const [found, ...rest] = yield* find({ HOME: path, DOCKER_CONTEXT: name })
        assert.deepStrictEqual(rest, [])
        assert.strictEqual(found && Result.getOrThrow(Result.flip(found.endpoint))._tag, tag)
      }
    }))

  it.effect("a configuration that cannot be read does not become the usual sockets, nor shows what is in it", () =>
    Effect.gen(function*() {
      const path = yield* home
      yield* clientConfig(path, "{\"auths\": {\"r\": {\"auth\": \"c2VjcmV0")
      const [found, ...rest] = yield* find({ HOME: path })
      assert.deepStrictEqual(rest, [])
      const reason = found && Result.getOrThrow(Result.flip(found.endpoint))
      assert.strictEqual(reason?._tag, "InvalidArgument")
      assert.notInclude(JSON.stringify(reason), "c2VjcmV0")
    }))

  it.effect("the well-known sockets, each once, in order", () =>
    Effect.gen(function*() {
      const path = yield* home
      const found = yield* find({ HOME: path, XDG_RUNTIME_DIR: "/run/user/7", DOCKER_HOST: "" })
      assert.deepStrictEqual(found.map(({ address }) => address), [
        "unix:///var/run/docker.sock",
        "unix:///run/user/7/docker.sock",
        `unix://${path}/.docker/run/docker.sock`,
        `unix://${path}/.docker/desktop/docker.sock`,
        `unix://${path}/.colima/default/docker.sock`,
        "unix:///run/podman/podman.sock",
        "unix:///run/user/7/podman/podman.sock"
      ])
    }))
})
