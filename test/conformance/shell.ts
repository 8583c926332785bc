/**
 * A shell that runs the scripts of the conformance cases in an in-memory container: see `parse.ts` for what it knows.
 */
import { Data, Effect } from "effect"
import { ExitStatus } from "effect-containers"
import type { Process } from "effect-containers/layers/Memory"
import { programs } from "./commands.ts"
import { type Command, type List, parse, type Word } from "./parse.ts"
import type { Program } from "./program.ts"
import { from, open, Reader, write } from "./system.ts"

/** The shell ends: it was told to, or killed. */
class Ended extends Data.TaggedError("Ended")<{ readonly how: number | { readonly signal: string } }> {}

type Sink = (content: string | Uint8Array) => Effect.Effect<void>

/** Where a command's input and output go. */
interface Streams {
  readonly stdin: Reader
  readonly stdout: Sink
  readonly stderr: Sink
  readonly isTerminal: (fd: number) => boolean
}

/** What the traps of a shell are, and which signals came that it has not looked at. */
interface Traps {
  readonly pending: Array<string>
  readonly scripts: Map<string, string>
}

const signalOf = (name: string): string => name.startsWith("SIG") ? name : `SIG${name}`

export class Shell {
  readonly #process: Process
  readonly #env: Map<string, string>
  readonly #pid: number
  readonly #errexit: boolean
  readonly #traps: Traps = { pending: [], scripts: new Map() }
  #directory: string
  #status = 0

  constructor(process: Process, options: {
    readonly env: ReadonlyMap<string, string>
    readonly directory: string
    readonly pid: number
    readonly errexit: boolean
  }) {
    this.#process = process
    this.#env = new Map(options.env)
    this.#directory = options.directory
    this.#pid = options.pid
    this.#errexit = options.errexit
  }

  /** Runs a script to its end: an exit code, or the signal that killed it. */
  run(script: string, streams: Streams): Effect.Effect<number | { readonly signal: string }> {
    return Effect.suspend(() => this.#list(parse(script), streams)).pipe(
      Effect.map(() => this.#status),
      Effect.catchTag("Ended", ({ how }) => Effect.succeed(how))
    )
  }

  readonly #list = Effect.fnUntraced({ self: this }, function*(
    this: Shell,
    list: List,
    streams: Streams,
    /** What fails here is looked at by who asked: it does not end the shell. */
    isCondition: boolean = false
  ): Effect.fn.Return<void, Ended> {
    for (let at = 0; at < list.length; at++) {
      const { before, commands } = list[at]!
      if (before === "&&" && this.#status !== 0) continue
      if (before === "||" && this.#status === 0) continue
      yield* this.#pipeline(commands, streams)
      yield* this.#runTraps(streams)
      const isLast = (list[at + 1]?.before ?? ";") === ";"
      if (this.#errexit && !isCondition && isLast && this.#status !== 0) {
        return yield* new Ended({ how: this.#status })
      }
    }
  })

  /** One after the other, each with all that the one before wrote. */
  readonly #pipeline = Effect.fnUntraced({ self: this }, function*(
    this: Shell,
    commands: ReadonlyArray<Command>,
    streams: Streams
  ): Effect.fn.Return<void, Ended> {
    let stdin = streams.stdin
    for (const [n, command] of commands.entries()) {
      const isLast = n === commands.length - 1
      const written: Array<Uint8Array> = []
      yield* this.#command(command, {
        stdin,
        stdout: isLast ? streams.stdout : keep(written),
        stderr: streams.stderr,
        isTerminal: (fd) => streams.isTerminal(fd) && (fd !== 0 || n === 0) && (fd !== 1 || isLast)
      })
      stdin = Reader.of(Buffer.concat(written))
    }
  })

  readonly #runTraps = Effect.fnUntraced({ self: this }, function*(
    this: Shell,
    streams: Streams
  ): Effect.fn.Return<void, Ended> {
    for (let signal = this.#traps.pending.shift(); signal !== undefined; signal = this.#traps.pending.shift()) {
      const script = this.#traps.scripts.get(signal)
      if (script !== undefined) yield* this.#list(parse(script), streams)
    }
  })

  readonly #command = Effect.fnUntraced({ self: this }, function*(
    this: Shell,
    command: Command,
    streams: Streams
  ): Effect.fn.Return<void, Ended> {
    if (command.type === "loop") {
      for (;;) {
        yield* this.#list(command.condition, streams, true)
        const holds = this.#status === 0
        if (holds === command.until) break
        yield* this.#list(command.body, streams)
      }
      this.#status = 0
      return
    }
    const words: Array<string> = []
    for (const word of command.words) words.push(...yield* this.#expand(word, streams))
    const files: Array<{ readonly path: string; readonly append: boolean; readonly written: Array<Uint8Array> }> = []
    let { isTerminal, stderr, stdin, stdout } = streams
    for (const { fd, kind, target } of command.redirects) {
      const name = (yield* this.#expand(target, streams)).join(" ")
      const path = from(this.#directory, name)
      if (kind === ">&") {
        if (fd === 1) stdout = stderr
        else stderr = stdout
        continue
      }
      const terminal = isTerminal
      isTerminal = (asked) => asked !== fd && terminal(asked)
      if (kind === "<") {
        const opened = yield* Effect.result(open(this.#process, path))
        if (opened._tag === "Failure") return yield* this.#refuse(streams, `can't open ${name}: ${opened.failure}`)
        stdin = opened.success
        continue
      }
      const written: Array<Uint8Array> = []
      const append = kind === ">>"
      const made = yield* Effect.result(write(this.#process, path, new Uint8Array(0), append))
      if (made._tag === "Failure") return yield* this.#refuse(streams, `can't create ${name}: ${made.failure}`)
      files.push({ path, append, written })
      if (fd === 1) stdout = keep(written)
      else stderr = keep(written)
    }
    yield* this.#call(words, { stdin, stdout, stderr, isTerminal })
    for (const { append, path, written } of files) {
      const done = yield* Effect.result(write(this.#process, path, Buffer.concat(written), append))
      if (done._tag === "Failure") yield* this.#refuse(streams, `write error: ${done.failure}`)
    }
  })

  #refuse({ stderr }: Streams, issue: string): Effect.Effect<void> {
    this.#status = 1
    return stderr(`/bin/sh: ${issue}\n`)
  }

  readonly #expand = Effect.fnUntraced({ self: this }, function*(
    this: Shell,
    word: Word,
    streams: Streams
  ): Effect.fn.Return<ReadonlyArray<string>, Ended> {
    const words: Array<string> = []
    // `undefined`: no word has begun. Nothing unquoted makes a word, as does not `$EMPTY`.
    let current: string | undefined
    for (const part of word) {
      if (part.type === "text") {
        current = (current ?? "") + part.text
        continue
      }
      const value = part.type === "variable" ? this.#variable(part.name) : yield* this.#output(part.list, streams)
      if (part.quoted) {
        current = (current ?? "") + value
        continue
      }
      const [first = "", ...rest] = value.split(/[ \t\n]+/)
      if (first !== "") current = (current ?? "") + first
      for (const next of rest) {
        if (current !== undefined) words.push(current)
        current = next === "" ? undefined : next
      }
    }
    if (current !== undefined) words.push(current)
    return words
  })

  #variable(name: string): string {
    return name === "?" ? String(this.#status) : name === "$" ? String(this.#pid) : this.#env.get(name) ?? ""
  }

  readonly #output = Effect.fnUntraced({ self: this }, function*(
    this: Shell,
    list: List,
    streams: Streams
  ): Effect.fn.Return<string, Ended> {
    const written: Array<Uint8Array> = []
    yield* this.#list(list, { ...streams, stdout: keep(written), isTerminal: () => false })
    return String(Buffer.concat(written)).replace(/\n+$/, "")
  })

  /** A built-in, or a program. */
  readonly #call = Effect.fnUntraced({ self: this }, function*(
    this: Shell,
    [name, ...args]: ReadonlyArray<string>,
    streams: Streams
  ): Effect.fn.Return<void, Ended> {
    switch (name) {
      case undefined:
      case ":":
        this.#status = 0
        return
      case "exit":
        return yield* new Ended({ how: args[0] === undefined ? this.#status : Number(args[0]) })
      case "cd":
        this.#directory = from(this.#directory, args[0] ?? "/")
        this.#status = 0
        return
      case "export": {
        const [variable = "", value = ""] = args[0]?.split("=") ?? []
        this.#env.set(variable, value)
        this.#status = 0
        return
      }
      case "read":
        return yield* this.#read(args[0] ?? "REPLY", streams.stdin)
      case "trap":
        return yield* this.#trap(args[0] ?? "", signalOf(args[1] ?? ""))
      case "kill":
        return yield* this.#kill(signalOf((args[0] ?? "").slice(1)), args[1])
      case "exec":
        yield* this.#call(args, streams)
        return yield* new Ended({ how: this.#status })
      default:
        this.#status = yield* run(this.#process, [name, ...args], {
          ...streams,
          env: this.#env,
          directory: this.#directory,
          pid: this.#pid + 1
        }).pipe(
          Effect.filterOrElse((how) => typeof how === "number", ({ signal }) => killed(signal, streams)),
          Effect.catchTag(
            "NotRunnable",
            ({ code, issue }) => Effect.as(streams.stderr(`/bin/sh: ${name}: ${issue}\n`), code)
          )
        )
    }
  })

  readonly #read = Effect.fnUntraced({ self: this }, function*(this: Shell, name: string, stdin: Reader) {
    const line: Array<Uint8Array> = []
    this.#status = 1
    for (;;) {
      const byte = yield* stdin.read(1)
      if (byte !== undefined && byte[0] !== 10) {
        line.push(byte)
        continue
      }
      if (byte !== undefined) this.#status = 0
      this.#env.set(name, String(Buffer.concat(line)))
      return
    }
  })

  /** A signal is looked at when the command that runs has ended, as in every shell. */
  #trap(script: string, signal: string): Effect.Effect<void> {
    this.#status = 0
    this.#traps.scripts.set(signal, script)
    return this.#process.trap(
      signal,
      script === "" ? Effect.void : Effect.sync(() => this.#traps.pending.push(signal))
    )
  }

  #kill(signal: string, pid: string | undefined): Effect.Effect<void, Ended> {
    this.#status = 0
    if (pid !== String(this.#pid)) return Effect.sync(() => void (this.#status = 1))
    // The kernel protects process 1 from itself.
    return this.#pid === 1 ? Effect.void : Effect.fail(new Ended({ how: { signal } }))
  }
}

const keep = (written: Array<Uint8Array>): Sink => (content) =>
  Effect.sync(() => void written.push(typeof content === "string" ? Buffer.from(content) : content))

/** What a shell says of a command that a signal ended, and the code that it gives it. */
const killed = (signal: string, { stderr }: Streams): Effect.Effect<number> =>
  Effect.as(
    signal === "SIGKILL" ? stderr("Killed\n") : stderr("Terminated\n"),
    128 + (ExitStatus.signalNumber(signal) ?? 0)
  )

/** A command that cannot be executed: 127 is not found, 126 no program. */
export class NotRunnable extends Data.TaggedError("NotRunnable")<{
  readonly code: 126 | 127
  readonly issue: string
}> {}

/** Runs a command that is no built-in: a program of `/bin`, or a shell. */
export const run = (
  process: Process,
  [command = "", ...args]: ReadonlyArray<string>,
  options: Streams & {
    readonly env: ReadonlyMap<string, string>
    readonly directory: string
    readonly pid: number
  }
): Effect.Effect<number | { readonly signal: string }, NotRunnable> =>
  Effect.gen(function*() {
    const name = command.replace(/^\/bin\//, "")
    if (name === "sh") {
      const [flags = "", script = ""] = args
      return yield* new Shell(process, { ...options, errexit: flags.includes("e") }).run(script, options)
    }
    const program = programs[name]
    if (program === undefined) {
      const exists = command.includes("/") && (yield* process.files.exists(command))
      return yield* exists
        ? new NotRunnable({ code: 126, issue: "Permission denied" })
        : new NotRunnable({ code: 127, issue: "not found" })
    }
    return yield* program({ process, args, ...options } satisfies Program)
  })
