import * as ByteSize from "effect/ByteSize"
import type * as Tar from "effect/encoding/Tar"
import type * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"

/** With the bits that a mode has for it. */
const types: Readonly<Record<Tar.EntryType, readonly [type: FileSystem.File.Type, bits: number]>> = {
  File: ["File", 0o100000],
  // A further name of a file.
  Hardlink: ["File", 0o100000],
  Directory: ["Directory", 0o040000],
  Symlink: ["SymbolicLink", 0o120000],
  CharDevice: ["CharacterDevice", 0o020000],
  BlockDevice: ["BlockDevice", 0o060000],
  Fifo: ["FIFO", 0o010000],
  Other: ["Unknown", 0]
}

export const typeOf = ({ type }: Tar.Header): FileSystem.File.Type => types[type][0]

/** What an archive says of a file. */
export const infoOf = (header: Tar.Header): FileSystem.File.Info => {
  const [type, bits] = types[header.type]
  const { gid, linkTarget = "", mode, mtime, size, uid } = header
  return {
    type,
    mode: bits | mode,
    size: ByteSize.bytes(type === "SymbolicLink" ? Buffer.byteLength(linkTarget) : size),
    mtime: Option.some(mtime),
    uid: Option.some(uid),
    gid: Option.some(gid),
    dev: 0n,
    atime: Option.none(),
    birthtime: Option.none(),
    ino: Option.none(),
    nlink: Option.none(),
    rdev: Option.none(),
    blksize: Option.none(),
    blocks: Option.none()
  }
}
