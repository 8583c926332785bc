import { Deferred, Effect, type Scope } from "effect"
import { randomBytes, randomUUID } from "node:crypto"
import * as Http from "node:http"
import { type Blob, makeImage } from "../../scripts/engines/image.ts"

/** A registry with one image, which stops in the middle of its last layer until it is told to go on. */
export interface Stalling {
  /** As the engine names it. */
  readonly image: string
  /** Half of the layer is on its way, and no more comes. */
  readonly stalled: Effect.Effect<void>
  readonly goOn: Effect.Effect<void>
}

/** `host`: the address at which the engine reaches this machine. `size`: of the layer, which does not compress. */
export const stalling = Effect.fnUntraced(function*(
  host: string,
  size = 4 * 1024 * 1024
): Effect.fn.Return<Stalling, never, Scope.Scope> {
  const image = yield* Effect.promise(() =>
    makeImage({ created: new Date().toISOString(), layers: [{ filling: new Uint8Array(randomBytes(size)) }] })
  )
  const stalled = yield* Deferred.make<void>()
  const blobs = new Map<string, Blob>([image.manifest, image.config, ...image.layers].map((one) => [one.digest, one]))
  const last = image.layers.at(-1)?.digest
  let isStalling = true
  const server = Http.createServer((request, response) => {
    response.on("error", () => {})
    const path = request.url ?? ""
    if (path === "/v2/") return void response.writeHead(200).end("{}")
    const name = path.slice(path.lastIndexOf("/") + 1)
    const blob = path.includes("/manifests/") && !name.startsWith("sha256:") ? image.manifest : blobs.get(name)
    if (blob === undefined) return void response.writeHead(404).end("{}")
    response.writeHead(200, {
      "Content-Type": path.includes("/manifests/") ? blob.mediaType : "application/octet-stream",
      "Content-Length": blob.size,
      "Docker-Content-Digest": blob.digest
    })
    if (request.method === "HEAD") return void response.end()
    if (!isStalling || blob.digest !== last) return void response.end(blob.bytes)
    response.write(blob.bytes.subarray(0, blob.size >> 1), () => Deferred.doneUnsafe(stalled, Effect.void))
  })
  yield* Effect.acquireRelease(
    Effect.promise(() => new Promise<void>((done) => server.listen(0, host, done))),
    () =>
      Effect.promise(async () => {
        const closed = new Promise((done) => server.close(done))
        server.closeAllConnections()
        await closed
      })
  )
  const address = server.address()
  const port = typeof address === "object" && address !== null ? address.port : 0
  return {
    image: `${host}:${port}/stalling-${randomUUID()}:1`,
    stalled: Deferred.await(stalled),
    goOn: Effect.sync(() => {
      isStalling = false
    })
  }
})
