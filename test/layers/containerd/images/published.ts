/**
 * Images in a registry as no engine under test would push them: with layers compressed by zstd, in an index of indices.
 */
import { createHash } from "node:crypto"
import { createServer, type IncomingMessage } from "node:http"
import type { AddressInfo } from "node:net"
import { zstdCompressSync } from "node:zlib"
import { type Blob, type Image, push } from "../../../../scripts/engines/image.ts"

const blob = (mediaType: string, bytes: Buffer): Blob => ({
  mediaType,
  digest: `sha256:${createHash("sha256").update(bytes).digest("hex")}`,
  size: bytes.byteLength,
  bytes
})

const json = (mediaType: string, value: unknown): Blob => blob(mediaType, Buffer.from(JSON.stringify(value)))

const descriptor = ({ digest, mediaType, size }: Blob) => ({ mediaType, digest, size })

/** The same image, its layers compressed. */
export const compressed = ({ config, layers }: Image): Image => {
  const smaller = layers.map(({ bytes }) =>
    blob("application/vnd.oci.image.layer.v1.tar+zstd", zstdCompressSync(bytes))
  )
  const manifest = json("application/vnd.oci.image.manifest.v1+json", {
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config: descriptor(config),
    layers: smaller.map(descriptor)
  })
  return { config, layers: smaller, manifest }
}

/** Puts an image into a registry within an index, which is within another one beside one for other machines. */
export const pushNested = async (image: Image, registry: string, repository: string, tag: string): Promise<void> => {
  await push(image, registry, `${repository}:image`)
  const ociIndex = "application/vnd.oci.image.index.v1+json"
  const index = (manifests: ReadonlyArray<object>) =>
    json(ociIndex, { schemaVersion: 2, mediaType: ociIndex, manifests })
  const architecture = ({ x64: "amd64", ia32: "386" } as Readonly<Record<string, string>>)[process.arch] ?? process.arch
  const inner = index([{ ...descriptor(image.manifest), platform: { os: "linux", architecture } }])
  // A registry takes it only when it has what is named, of which nobody is to be given this.
  const foreign = index([{ ...descriptor(image.manifest), platform: { os: "linux", architecture: "s390x" } }])
  const root = index([{ ...descriptor(foreign), platform: { os: "linux", architecture: "s390x" } }, descriptor(inner)])
  for (const [name, one] of [[foreign.digest, foreign], [inner.digest, inner], [tag, root]] as const) {
    const response = await fetch(`http://${registry}/v2/${repository}/manifests/${name}`, {
      method: "PUT",
      headers: { "content-type": ociIndex },
      body: new Uint8Array(one.bytes)
    })
    if (!response.ok) throw new Error(`${response.status} ${await response.text()}`)
  }
}

/** What a registry was asked with a token. */
export interface Guarded {
  readonly address: string
  /** Of each request that was let through, who asked. */
  readonly agents: ReadonlyArray<string>
  readonly close: () => Promise<void>
}

const token = "let-me-in"

/** A registry that wants a token, which a user gets for a password; behind it is one that wants nothing. */
export const guarded = async (
  registry: string,
  { password, username }: { readonly username: string; readonly password: string }
): Promise<Guarded> => {
  const agents: Array<string> = []
  const basic = `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`
  const allowed = async (request: IncomingMessage): Promise<boolean> => {
    if (request.headers.authorization === basic) return true
    if (request.method !== "POST") return false
    const chunks: Array<Buffer> = []
    for await (const chunk of request) chunks.push(Buffer.from(chunk))
    const form = new URLSearchParams(Buffer.concat(chunks).toString())
    return form.get("username") === username && form.get("password") === password
  }
  const server = createServer((request, response) => {
    const host = `http://${request.headers.host}`
    const handle = async () => {
      if (request.url?.startsWith("/token") === true) {
        const is = await allowed(request)
        response.writeHead(is ? 200 : 401, { "content-type": "application/json" })
        response.end(JSON.stringify(is ? { token, access_token: token, expires_in: 300 } : { errors: [] }))
        return
      }
      if (request.headers.authorization !== `Bearer ${token}`) {
        response.writeHead(401, { "www-authenticate": `Bearer realm="${host}/token",service="guarded"` })
        response.end()
        return
      }
      agents.push(request.headers["user-agent"] ?? "")
      const { accept } = request.headers
      const answer = await fetch(`http://${registry}${request.url}`, {
        method: request.method ?? "GET",
        headers: accept === undefined ? {} : { accept }
      })
      const bytes = Buffer.from(await answer.arrayBuffer())
      const kept = ["content-type", "docker-content-digest", "content-length"].flatMap((name) => {
        const value = answer.headers.get(name)
        return value === null ? [] : [[name, value] as const]
      })
      response.writeHead(answer.status, Object.fromEntries(kept))
      response.end(request.method === "HEAD" ? undefined : bytes)
    }
    handle().catch(() => response.destroy())
  })
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done))
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    agents,
    close: () =>
      new Promise((done) => {
        server.close(() => done())
        server.closeAllConnections()
      })
  }
}
