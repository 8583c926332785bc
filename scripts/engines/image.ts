/**
 * Makes small images out of Debian's static busybox: for tests, and for the quickstart where no registry is reached.
 *
 * An image's archive has both an OCI layout and Docker's manifest.json, so that every version's `docker load`, Podman
 * and containerd take it.
 */
import { execFile } from "node:child_process"
import { createHash } from "node:crypto"
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { promisify } from "node:util"
import { EnginesError, suite } from "./home.ts"
import { commonSuite } from "./table.ts"
import { type Entry, tar } from "./tar.ts"

/** A file of an image by its contents, or with more than those. */
export type File = string | Uint8Array | Omit<Entry, "path" | "type"> & { readonly type?: Entry["type"] | undefined }

/** An image's settings, as the OCI image configuration names them. */
export interface Config {
  readonly Env?: ReadonlyArray<string> | undefined
  readonly WorkingDir?: string | undefined
  readonly User?: string | undefined
  readonly Entrypoint?: ReadonlyArray<string> | undefined
  readonly Cmd?: ReadonlyArray<string> | undefined
  readonly Labels?: Readonly<Record<string, string>> | undefined
  readonly ExposedPorts?: Readonly<Record<string, object>> | undefined
  readonly Volumes?: Readonly<Record<string, object>> | undefined
  readonly StopSignal?: string | undefined
}

export interface Options {
  /** Over the defaults: the usual PATH and `/bin/sh` as command. */
  readonly config?: Config | undefined
  /** Further layers, one for each: files by their path without a leading slash. Folders on the way are made. */
  readonly layers?: ReadonlyArray<Readonly<Record<string, File>>> | undefined
  /** A layer below these, as a tar archive. */
  readonly tree?: Buffer | undefined
  /** When it claims to have been made, as RFC 3339 has it. Default 2024-01-01T00:00:00Z. */
  readonly created?: string | undefined
  /** Leave busybox and everything else out: the image has only `layers`. Default false. */
  readonly scratch?: boolean | undefined
}

export interface Blob {
  readonly mediaType: string
  readonly digest: string
  readonly size: number
  readonly bytes: Buffer
}

export interface Image {
  /** The image's id in Docker without the containerd store. */
  readonly config: Blob
  readonly layers: ReadonlyArray<Blob>
  readonly manifest: Blob
}

const blob = (mediaType: string, bytes: Buffer): Blob => ({
  mediaType,
  digest: `sha256:${createHash("sha256").update(bytes).digest("hex")}`,
  size: bytes.byteLength,
  bytes
})

const json = (mediaType: string, value: unknown) => blob(mediaType, Buffer.from(JSON.stringify(value)))

const descriptor = ({ digest, mediaType, size }: Blob) => ({ mediaType, digest, size })

const layerType = "application/vnd.oci.image.layer.v1.tar"

const layer = (entries: ReadonlyArray<Entry>) => blob(layerType, tar(entries))

const entriesOf = (files: Readonly<Record<string, File>>): ReadonlyArray<Entry> => {
  const folders = new Set<string>()
  for (const path of Object.keys(files)) {
    const parts = path.split("/").slice(0, -1)
    for (let n = 1; n <= parts.length; n++) folders.add(parts.slice(0, n).join("/"))
  }
  const given = Object.entries(files).map(([path, file]): Entry => {
    if (typeof file === "string") return { path, type: "file", contents: Buffer.from(file) }
    if (file instanceof Uint8Array) return { path, type: "file", contents: file }
    return { type: file.target === undefined ? "file" : "link", ...file, path } as Entry
  })
  const made = [...folders].filter((folder) => files[folder] === undefined).toSorted()
  return [...made.map((path): Entry => ({ path, type: "directory" })), ...given]
}

const busybox = async (): Promise<{ readonly binary: Buffer; readonly applets: ReadonlyArray<string> }> => {
  const given = process.env["EFFECT_CONTAINERS_TEST_BUSYBOX"]
  if (given === undefined && process.platform !== "linux") {
    throw new EnginesError(
      "The test image is made of a static busybox for Linux, which Debian has and this machine has not.\n"
        + "Name one in EFFECT_CONTAINERS_TEST_BUSYBOX, or run this on Linux."
    )
  }
  const path = given ?? join(await suite(commonSuite), "usr/bin/busybox")
  const { stdout } = await promisify(execFile)(path, ["--list"])
  return {
    binary: await readFile(path),
    applets: stdout.split("\n").filter((name) => name !== "" && name !== "busybox")
  }
}

let base: Promise<Blob> | undefined

const makeBase = async (): Promise<Blob> => {
  const { applets, binary } = await busybox()
  return layer([
    ...["bin", "etc", "home", "home/app", "root"].map((path): Entry => ({
      path,
      type: "directory",
      ...path === "home/app" ? { uid: 1000, gid: 1000 } : {}
    })),
    { path: "tmp", type: "directory", mode: 0o1777 },
    { path: "bin/busybox", type: "file", mode: 0o755, contents: binary },
    ...applets.map((name): Entry => ({ path: `bin/${name}`, type: "link", target: "busybox" })),
    ...entriesOf({
      "etc/passwd": "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000:app:/home/app:/bin/sh\n",
      "etc/group": "root:x:0:\napp:x:1000:\n"
    }).filter((entry) => entry.type === "file")
  ])
}

const architectures: Readonly<Record<string, string>> = { x64: "amd64", ia32: "386" }

/**
 * Makes an image: busybox with the users root and app (1000), a `/tmp` for all, and what the options add. The same
 * options give the same digest. Rejects with an {@link EnginesError} where there is no busybox to be had.
 */
export const makeImage = async (options?: Options): Promise<Image> => {
  const first = options?.scratch === true ? [] : [await (base ??= makeBase())]
  const layers = [
    ...first,
    ...options?.tree === undefined ? [] : [blob(layerType, options.tree)],
    ...(options?.layers ?? []).map((files) => layer(entriesOf(files)))
  ]
  const created = options?.created ?? "2024-01-01T00:00:00Z"
  const config = json("application/vnd.oci.image.config.v1+json", {
    created,
    architecture: architectures[process.arch] ?? process.arch,
    os: "linux",
    config: {
      Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
      Cmd: ["/bin/sh"],
      ...options?.config
    },
    rootfs: { type: "layers", diff_ids: layers.map(({ digest }) => digest) },
    history: layers.map((_, n) => ({ created, created_by: `layer ${n}` }))
  })
  const manifest = json("application/vnd.oci.image.manifest.v1+json", {
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config: descriptor(config),
    layers: layers.map(descriptor)
  })
  return { config, layers, manifest }
}

/** The image as an archive for `docker load`; `names` are tagged ones such as `busybox:test`. */
export const archive = (image: Image, names: ReadonlyArray<string>): Buffer => {
  const path = ({ digest }: Blob) => `blobs/${digest.replace(":", "/")}`
  const file = (at: string, value: unknown): Entry => ({
    path: at,
    type: "file",
    contents: Buffer.from(JSON.stringify(value))
  })
  const blobs = new Map([image.config, ...image.layers, image.manifest].map((one) => [one.digest, one]))
  const qualified = (name: string) => {
    const registry = /^([^/]*[.:][^/]*|localhost)\//.test(name)
    return registry ? name : `docker.io/${name.includes("/") ? "" : "library/"}${name}`
  }
  return tar([
    { path: "blobs", type: "directory" },
    { path: "blobs/sha256", type: "directory" },
    ...[...blobs.values()].map((one): Entry => ({ path: path(one), type: "file", contents: one.bytes })),
    file("oci-layout", { imageLayoutVersion: "1.0.0" }),
    file("index.json", {
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.index.v1+json",
      manifests: names.map((name) => ({
        ...descriptor(image.manifest),
        annotations: {
          "io.containerd.image.name": qualified(name),
          "org.opencontainers.image.ref.name": name.slice(name.lastIndexOf(":") + 1)
        }
      }))
    }),
    file("manifest.json", [{ Config: path(image.config), RepoTags: names, Layers: image.layers.map(path) }])
  ])
}

/**
 * Pushes the image to a registry that speaks http, without an engine. `name` is `repository:tag`. Rejects when the
 * registry does not take it.
 */
export const push = async (
  image: Image,
  registry: string,
  name: string,
  login?: { readonly username: string; readonly password: string }
): Promise<void> => {
  const colon = name.lastIndexOf(":")
  const root = `http://${registry}/v2/${name.slice(0, colon)}`
  const authorization: Record<string, string> = login === undefined
    ? {}
    : { authorization: `Basic ${Buffer.from(`${login.username}:${login.password}`).toString("base64")}` }
  const ask = async (method: string, url: string, what?: Blob) => {
    const headers = { ...authorization, ...what === undefined ? {} : { "content-type": what.mediaType } }
    const response = await fetch(url, { method, headers, body: what === undefined ? null : new Uint8Array(what.bytes) })
    const said = await response.text()
    if (!response.ok) throw new EnginesError(`${method} ${url}: ${response.status} ${said}`)
    return response
  }
  for (const one of [image.config, ...image.layers]) {
    const upload = await ask("POST", `${root}/blobs/uploads/`)
    const to = new URL(upload.headers.get("location") ?? "", root)
    to.searchParams.set("digest", one.digest)
    await ask("PUT", to.href, { ...one, mediaType: "application/octet-stream" })
  }
  await ask("PUT", `${root}/manifests/${name.slice(colon + 1)}`, image.manifest)
}
