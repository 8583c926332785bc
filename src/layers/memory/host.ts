import * as Result from "effect/Result"
import * as fs from "node:fs"
import { posix } from "node:path"
import * as Errors from "../../Errors.ts"
import { type Answer, type Node, operation, type Place } from "./tree.ts"

/** A directory, or a file, of this machine. */
export const host = (root: string): Place => {
  const at = (path: string) => path === "/" ? root : root + path
  const attempt = <A>(path: string, run: () => A): Answer<A> =>
    Result.try({
      try: run,
      catch: (cause) => {
        const code = cause instanceof Error && "code" in cause ? String(cause.code) : "error"
        const fields = { operation, message: cause instanceof Error ? cause.message : String(cause), code, cause }
        if (code === "ENOENT") return new Errors.NotFound({ ...fields, message: `${path}: no such file or directory` })
        if (code === "EACCES" || code === "EPERM" || code === "EROFS") return new Errors.PermissionDenied(fields)
        return new Errors.InvalidArgument(fields)
      }
    })
  const write = (path: string, node: Node): void => {
    fs.mkdirSync(posix.dirname(at(path)), { recursive: true })
    if (node.type === "directory") fs.mkdirSync(at(path), { recursive: true, mode: node.mode })
    else if (node.type === "symlink") fs.symlinkSync(node.target, at(path))
    else fs.writeFileSync(at(path), node.bytes, { mode: node.mode })
  }
  const nodeOf = (path: string, stat: fs.Stats): Node => {
    const { gid, mtime, uid } = stat
    const mode = stat.mode & 0o7777
    return stat.isSymbolicLink()
      ? { type: "symlink", target: fs.readlinkSync(at(path)), mtime, uid, gid }
      : stat.isDirectory()
      ? { type: "directory", mode, mtime, uid, gid }
      : { type: "file", bytes: fs.readFileSync(at(path)), mode, mtime, uid, gid }
  }
  return {
    get: (path) => attempt(path, () => nodeOf(path, fs.statSync(at(path)))),
    look: (path) => attempt(path, () => nodeOf(path, path === "/" ? fs.statSync(at(path)) : fs.lstatSync(at(path)))),
    replace: (path, node) =>
      attempt(path, () => {
        if (node.type !== "directory") fs.rmSync(at(path), { force: true })
        write(path, node)
      }),
    change: (path, { gid, mode, mtime, uid }) =>
      attempt(path, () => {
        if (uid !== undefined || gid !== undefined) fs.chownSync(at(path), uid ?? -1, gid ?? -1)
        if (mode !== undefined) fs.chmodSync(at(path), mode)
        if (mtime !== undefined) fs.utimesSync(at(path), mtime, mtime)
      }),
    rename: (from, to) => attempt(from, () => fs.renameSync(at(from), at(to))),
    put: (path, node) => attempt(path, () => write(path, node)),
    list: (path) => attempt(path, () => fs.readdirSync(at(path)).sort()),
    remove: (path) => attempt(path, () => fs.rmSync(at(path), { recursive: true }))
  }
}
