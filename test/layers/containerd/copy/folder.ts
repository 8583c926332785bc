import { Effect, Exit, Stream } from "effect"
import type { Errors } from "effect-containers"
import { hostDirectory } from "effect-containers/layers/containerd/copy/descriptor"
import * as Ids from "effect-containers/layers/containerd/copy/ids"
import { pack } from "effect-containers/layers/containerd/copy/pack"
import { unpack } from "effect-containers/layers/containerd/copy/unpack"
import * as Tar from "effect/encoding/Tar"
import { closeSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

/** A directory that stands for a container's root, and what lies beside it on the host. */
export interface Folder {
  readonly root: string
  readonly outside: string
  readonly copyIn: (
    path: string,
    archive: Stream.Stream<Uint8Array, unknown>
  ) => Promise<Exit.Exit<void, unknown>>
  readonly copyOut: (path: string) => Stream.Stream<Uint8Array, Errors.Reason>
}

export const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }

export const descriptors = (): number => readdirSync("/proc/self/fd").length

export const withFolder = async (use: (folder: Folder) => Promise<void>): Promise<void> => {
  const whole = mkdtempSync(join(tmpdir(), "copy-"))
  const root = join(whole, "root")
  const outside = join(whole, "outside")
  mkdirSync(root)
  mkdirSync(outside)
  writeFileSync(join(outside, "secret"), "of the host")
  const place = await hostDirectory(root)
  const before = descriptors()
  try {
    await use({
      root,
      outside,
      copyIn: (path, archive) =>
        Effect.runPromiseExit(unpack({ ...place, users: Ids.same, groups: Ids.same }, path, archive)),
      copyOut: (path) => pack({ ...place, users: Ids.same, groups: Ids.same }, path)
    })
    if (descriptors() > before) throw new Error(`descriptors are left open: ${descriptors()}, and were ${before}`)
  } finally {
    closeSync(place.descriptor)
    rmSync(whole, { recursive: true, force: true })
  }
}

export const tar = (...entries: ReadonlyArray<Tar.Entry<never>>): Stream.Stream<Uint8Array, Tar.TarError> =>
  Stream.pipeThroughChannel(
    Stream.fromIterable(entries),
    Tar.encode<never, unknown, Tar.Entry<never>>()
  )

/** An entry of a kind that has no constructor. */
export const special = (path: string, type: Tar.EntryType, typeflag: string): Tar.Entry => ({
  header: { ...Tar.file(path, "", owner).header, type, typeflag },
  body: Stream.empty
})

export interface Listed extends Tar.Header {
  readonly content: string
}

export const listed = (archive: Stream.Stream<Uint8Array, unknown>): Promise<ReadonlyArray<Listed>> =>
  Effect.runPromise(
    archive.pipe(
      Stream.pipeThroughChannel(Tar.decode<unknown, unknown>()),
      Stream.mapEffect(({ body, header }) =>
        Effect.map(Stream.runCollect(body), (chunks): Listed => ({
          ...header,
          content: Buffer.concat(chunks).toString("latin1")
        }))
      ),
      Stream.runCollect
    )
  )

/** The reason, or the defect if it was none. */
export const reasonOf = (exit: Exit.Exit<unknown, unknown>): Errors.Reason => {
  const found = Exit.isFailure(exit) ? exit.cause.reasons[0] : undefined
  if (found?._tag === "Fail") return found.error as Errors.Reason
  throw new Error("it did not fail as data", { cause: exit })
}

/** Puts the link `trap` in the place of the directory `dir` and back, over and over, as a hostile container would. */
export const swap = (root: string): { readonly end: () => Promise<void> } => {
  const path = (name: string) => join(root, name)
  const breath = () => new Promise((resolve) => setImmediate(resolve))
  const state = { isOver: false }
  const swapping = (async () => {
    while (!state.isOver) {
      try {
        renameSync(path("dir"), path("aside"))
        renameSync(path("trap"), path("dir"))
        await breath()
        renameSync(path("dir"), path("trap"))
        renameSync(path("aside"), path("dir"))
      } catch {
        // A copy has replaced the link by a directory, as it should: begin anew.
        for (const name of ["dir", "aside", "trap"]) rmSync(path(name), { recursive: true, force: true })
        mkdirSync(path("dir/deep"), { recursive: true })
        symlinkSync(join(root, "../outside"), path("trap"))
      }
      await breath()
    }
  })()
  return {
    end: () => {
      state.isOver = true
      return swapping
    }
  }
}
