/**
 * The programs of busybox that do something to files, as far as `ContainerFileSystem` and the conformance cases call them.
 */
import { Effect } from "effect"
import type { Errors } from "effect-containers"
import type { FileInfo } from "effect-containers/layers/Memory"
import { posix } from "node:path"
import { type Program, type Run, says } from "./program.ts"
import { from, never } from "./system.ts"

interface Given {
  readonly program: Program
  readonly options: ReadonlyArray<string>
  /** Absolute. */
  readonly paths: ReadonlyArray<string>
  readonly words: ReadonlyArray<string>
}

/** A program whose options come first; those in `valued` have a value after them. */
const program = (
  name: string,
  valued: ReadonlyArray<string>,
  act: (given: Given) => Effect.Effect<unknown, Errors.Reason | string>
): Run =>
(program) => {
  const options: Array<string> = []
  const words = [...program.args]
  for (let word = words[0]; word?.startsWith("-") === true; word = words[0]) {
    options.push(word)
    words.shift()
    const value = valued.includes(word) ? words.shift() : undefined
    if (value !== undefined) options.push(value)
  }
  const paths = words.map((word) => from(program.directory, word))
  return act({ program, options, words, paths }).pipe(
    Effect.as(0),
    Effect.catch((issue) => says(name, program)(typeof issue === "string" ? issue : never(issue)))
  )
}

const look = ({ process: { files } }: Program, path: string): Effect.Effect<FileInfo | undefined> =>
  Effect.orElseSucceed(files.lstat(path), () => undefined)

const rm = program("rm", [], ({ options, paths: [path = ""], program }) =>
  Effect.gen(function*() {
    const found = yield* look(program, path)
    if (found?.type === "directory" && !options.some((option) => option.includes("r"))) {
      return yield* Effect.fail("Is a directory")
    }
    if (found !== undefined || !options.some((option) => option.includes("f"))) {
      yield* program.process.files.remove(path)
    }
  }))

const mv = program(
  "mv",
  [],
  ({ paths: [source = "", target = ""], program }) => program.process.files.rename(source, target)
)

const copy = (
  program: Program,
  source: string,
  target: string,
  options: ReadonlyArray<string>
): Effect.Effect<void, Errors.Reason | string> =>
  Effect.gen(function*() {
    const { files } = program.process
    const recursive = options.includes("-R")
    const { gid, mode, mtime, target: leads, type, uid } = yield* files.lstat(source)
    const there = yield* look(program, target)
    const kept = options.includes("-p") ? { mode, mtime, uid, gid } : { mode: mode & ~0o022 }
    if (type === "directory") {
      if (there !== undefined && there.type !== "directory") return yield* Effect.fail("cannot overwrite non-directory")
      if (there === undefined) yield* files.makeDirectory(target)
      for (const name of yield* files.list(source)) {
        yield* copy(program, posix.join(source, name), posix.join(target, name), options)
      }
      if (there === undefined) yield* files.change(target, kept)
      return
    }
    if (there?.type === "directory") return yield* Effect.fail("cannot overwrite directory")
    if (there !== undefined && options.includes("-n")) return
    if (!(yield* files.exists(posix.dirname(target)))) return yield* Effect.fail("No such file or directory")
    if (type === "symlink" && recursive) {
      if (there !== undefined) yield* files.remove(target)
      return yield* files.symlink(leads ?? "", target)
    }
    yield* files.write(target, yield* files.read(source))
    if (there === undefined || options.includes("-p")) yield* files.change(target, kept)
  })

const cp = program(
  "cp",
  [],
  ({ options, paths: [source = "", target = ""], program }) => copy(program, source, target, options)
)

const chmod = program(
  "chmod",
  [],
  ({ paths: [, path = ""], program, words: [mode = ""] }) =>
    program.process.files.change(path, { mode: Number.parseInt(mode, 8) })
)

const chown = program("chown", [], ({ paths: [, path = ""], program, words: [owner = ""] }) => {
  const [uid, gid] = owner.split(":").map(Number)
  return program.process.files.change(path, { uid, gid })
})

/** Of the two times only the one of a change is kept. */
const touch = program("touch", ["-d"], ({ options, paths: [path = ""], program: { process } }) =>
  options.includes("-a")
    ? Effect.void
    : process.files.change(path, { mtime: new Date(Number(options[options.indexOf("-d") + 1]?.slice(1)) * 1000) }))

const truncate = program(
  "truncate",
  ["-s"],
  ({ options, paths: [path = ""], program: { process: { files } } }) =>
    Effect.gen(function*() {
      const bytes = Buffer.alloc(Number(options[1]))
      bytes.set((yield* files.read(path)).subarray(0, bytes.length))
      yield* files.write(path, bytes)
    })
)

const dd = program("dd", [], ({ program: { process: { files }, stdin }, words }) =>
  Effect.gen(function*() {
    const operand = (name: string) => words.find((word) => word.startsWith(`${name}=`))?.slice(name.length + 1)
    const path = operand("of") ?? ""
    const before = yield* files.read(path)
    const input = yield* stdin.all
    const seek = operand("oflag") === "append" ? before.length : Number(operand("seek"))
    const after = Buffer.alloc(Math.max(before.length, seek + input.length))
    after.set(before)
    after.set(input, seek)
    yield* files.write(path, after)
  }))

const sync = program("sync", [], ({ paths: [path = ""], program }) => program.process.files.lstat(path))

const letters: Readonly<Record<FileInfo["type"], string>> = { file: "f", directory: "d", symlink: "l" }

/** How often a name is printed by an expression of `-print0`, `-type`, `-o` and brackets. */
const printed = (expression: ReadonlyArray<string>, type: FileInfo["type"]): number => {
  let at = 0
  let count = 0
  const primary = (isLive: boolean): boolean => {
    const word = expression[at++]
    if (word === "-print0") {
      if (isLive) count++
      return true
    }
    if (word === "-type") return expression[at++] === letters[type]
    if (word !== "(") throw new Error(`find does not know ${word} here`)
    const holds = either(isLive)
    at++
    return holds
  }
  const every = (isLive: boolean): boolean => {
    let holds = true
    while (at < expression.length && !["-o", ")"].includes(expression[at]!)) holds = primary(isLive && holds) && holds
    return holds
  }
  const either = (isLive: boolean): boolean => {
    let holds = every(isLive)
    while (expression[at] === "-o") {
      at++
      holds = every(isLive && !holds) || holds
    }
    return holds
  }
  either(true)
  return count
}

const find: Run = (program) =>
  Effect.gen(function*() {
    const { args: [root = "", ...args], process: { files }, stdout } = program
    const isShallow = args.includes("-maxdepth")
    const expression = args.slice(isShallow ? 4 : 2)
    const visit = (path: string): Effect.Effect<void, Errors.Reason> =>
      Effect.gen(function*() {
        for (const name of yield* files.list(path)) {
          const inner = `${path}/${name}`
          const { type } = yield* files.lstat(inner)
          yield* stdout(`${inner}\0`.repeat(printed(expression, type)))
          if (type === "directory" && !isShallow) yield* visit(inner)
        }
      })
    yield* visit(root)
    return 0
  }).pipe(Effect.catch((issue) => says("find", program)(never(issue))))

/** By name. */
export const programs = { rm, mv, cp, chmod, chown, touch, truncate, dd, sync, find }
