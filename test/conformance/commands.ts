/**
 * The programs of busybox that the conformance cases call, as far as they call them.
 */
import { Effect } from "effect"
import { ExitStatus } from "effect-containers"
import { programs as files } from "./fileCommands.ts"
import { type Program, type Run, says } from "./program.ts"
import { httpd } from "./servers.ts"
import { from, ids, list, open, type Reader } from "./system.ts"

const escapes: Readonly<Record<string, number>> = { n: 10, t: 9, r: 13, "\\": 92 }

/** A format's bytes: escapes stand for bytes, which need not be text. */
const unescape = (text: string): Buffer => {
  const parts: Array<Buffer> = []
  for (const match of text.matchAll(/\\([0-7]{1,3})|\\([ntr\\])|[^\\]+|\\/g)) {
    const [whole, octal, letter] = match
    parts.push(
      octal !== undefined
        ? Buffer.from([Number.parseInt(octal, 8)])
        : letter !== undefined
        ? Buffer.from([escapes[letter]!])
        : Buffer.from(whole)
    )
  }
  return Buffer.concat(parts)
}

const printf: Run = ({ args: [format = "", ...args], stdout }) => {
  const pieces = format.split("%s")
  const holes = pieces.length - 1
  const parts: Array<Buffer> = []
  // Without a hole it is printed once; with holes as often as there is something to put into them.
  for (let at = 0; at === 0 || at < args.length; at += holes) {
    for (const [n, piece] of pieces.entries()) {
      parts.push(unescape(piece))
      if (n < holes) parts.push(Buffer.from(args[at + n] ?? ""))
    }
    if (holes === 0) break
  }
  return Effect.as(stdout(Buffer.concat(parts)), 0)
}

/** Hands on what can be read, until its end. */
const pour = (reader: Reader, to: Program["stdout"], most = Number.POSITIVE_INFINITY): Effect.Effect<void> =>
  Effect.gen(function*() {
    for (let left = most; left > 0;) {
      const bytes = yield* reader.read(left)
      if (bytes === undefined) return
      yield* to(bytes)
      left -= bytes.length
    }
  })

const cat: Run = (program) =>
  program.args.length === 0
    ? Effect.as(pour(program.stdin, program.stdout), 0)
    : Effect.gen(function*() {
      let status = 0
      for (const path of program.args) {
        const issue = yield* open(program.process, from(program.directory, path)).pipe(
          Effect.flatMap((reader) => pour(reader, program.stdout)),
          Effect.catch((issue) => says("cat", program)(`can't open '${path}': ${issue}`))
        )
        if (issue !== undefined) status = issue
      }
      return status
    })

const head: Run = (program) => {
  const { args: [flag, count, path], directory, process, stdin, stdout } = program
  if (flag !== "-c") return says("head", program)("only -c is known here")
  const reader = path === undefined ? Effect.succeed(stdin) : open(process, from(directory, path))
  return reader.pipe(
    Effect.flatMap((reader) => Effect.as(pour(reader, stdout, Number(count)), 0)),
    Effect.catch(says("head", program))
  )
}

/** Of `tail /dev/zero` there is only one way to end. */
const tail: Run = (program) =>
  program.args[0] === "/dev/zero" && program.process.resources.memory !== undefined
    ? program.process.exit(new ExitStatus.OomKilled())
    : says("tail", program)("only /dev/zero under a memory limit is known here")

const seq: Run = ({ args, stdout }) =>
  Effect.gen(function*() {
    const [first, last] = args.length === 1 ? [1, Number(args[0])] : [Number(args[0]), Number(args[1])]
    let text = ""
    for (let n = first; n <= last; n++) {
      text += `${n}\n`
      if (text.length < 65_536 && n < last) continue
      yield* stdout(text)
      text = ""
    }
    return 0
  })

const tr: Run = (program) => {
  const { args: [source = "", target = ""], stdin, stdout } = program
  const [old] = unescape(source)
  const [fresh] = unescape(target)
  if (old === undefined || fresh === undefined) return says("tr", program)("two characters are needed")
  return Effect.as(pour(stdin, (bytes) => stdout(Buffer.from(bytes).map((byte) => byte === old ? fresh : byte))), 0)
}

const wc: Run = ({ stdin, stdout }) =>
  Effect.gen(function*() {
    let count = 0
    yield* pour(stdin, (bytes) => Effect.sync(() => void (count += bytes.length)))
    yield* stdout(`${count}\n`)
    return 0
  })

const grep: Run = (program) =>
  Effect.gen(function*() {
    const { args, directory, process, stdin, stdout } = program
    const [pattern = "", path] = args.filter((arg) => arg !== "-c")
    const reader = path === undefined ? stdin : yield* open(process, from(directory, path))
    const found = String(yield* reader.all).split("\n").slice(0, -1).filter((line) => new RegExp(pattern).test(line))
    yield* stdout(args.includes("-c") ? `${found.length}\n` : found.map((line) => `${line}\n`).join(""))
    return found.length > 0 ? 0 : 1
  }).pipe(Effect.catch(says("grep", program)))

const ls: Run = (program) =>
  list(program.process, from(program.directory, program.args[0] ?? ".")).pipe(
    Effect.map((names) => names.filter((name) => !name.startsWith("."))),
    Effect.flatMap((names) => Effect.as(program.stdout(names.map((name) => `${name}\n`).join("")), 0)),
    Effect.catch((issue) => says("ls", program)(`${program.args[0] ?? "."}: ${issue}`))
  )

const mkdir: Run = (program) => {
  const { args: [path = ""], directory, process } = program
  const filter = process.security.seccomp
  const isDenied = typeof filter === "object" && filter.syscalls.some(({ names }) => names.includes("mkdir"))
  return isDenied
    ? says("mkdir", program)(`can't create directory '${path}': Operation not permitted`)
    : process.files.makeDirectory(from(directory, path)).pipe(
      Effect.as(0),
      Effect.catch((reason) => says("mkdir", program)(reason.message))
    )
}

const id: Run = ({ args: [flag], process, stdout }) =>
  Effect.flatMap(ids(process), ({ gid, uid }) => Effect.as(stdout(`${flag === "-g" ? gid : uid}\n`), 0))

/** A terminal in memory is always raw. */
const stty: Run = ({ args: [what], process, stdout }) =>
  what !== "size" ? Effect.succeed(0) : Effect.flatMap(
    process.terminalSize,
    (size) => Effect.as(stdout(`${size?.rows ?? 0} ${size?.columns ?? 0}\n`), 0)
  )

/** A resource, soft or hard, by the letter that it has. */
const ulimit: Run = ({ args: [flag = ""], process, stdout }) => {
  const name = flag.endsWith("c") ? "core" : "nofile"
  const limits = process.resources.ulimits?.find((limits) => limits.name === name) ?? { soft: 1024, hard: 1024 }
  return Effect.as(stdout(`${flag.startsWith("-H") ? limits.hard : limits.soft}\n`), 0)
}

const test: Run = ({ args: [flag, operand = ""], directory, isTerminal, process }) =>
  flag === "-t"
    ? Effect.succeed(isTerminal(Number(operand)) ? 0 : 1)
    : Effect.map(process.files.exists(from(directory, operand)), (exists) => exists ? 0 : 1)

/** By name. */
export const programs: Readonly<Record<string, Run>> = {
  cat,
  echo: ({ args, stdout }) => Effect.as(stdout(`${args.join(" ")}\n`), 0),
  env: ({ env, stdout }) => Effect.as(stdout([...env].map(([name, value]) => `${name}=${value}\n`).join("")), 0),
  false: () => Effect.succeed(1),
  grep,
  head,
  httpd,
  hostname: ({ process, stdout }) => Effect.as(stdout(`${process.hostname}\n`), 0),
  id,
  ls,
  mkdir,
  printf,
  ...files,
  pwd: ({ directory, stdout }) => Effect.as(stdout(`${directory}\n`), 0),
  seq,
  stty,
  sleep: ({ args: [seconds] }) => Effect.as(Effect.sleep(Number(seconds) * 1000), 0),
  tail,
  test,
  tr,
  true: () => Effect.succeed(0),
  ulimit,
  wc
}
