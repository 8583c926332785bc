import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import { posix } from "node:path"
import type { BuildOptions } from "../../Backend.ts"
import type * as Errors from "../../Errors.ts"
import * as ExitStatus from "../../ExitStatus.ts"
import { BuildStatus } from "../../Progress.ts"
import { unpack } from "./archive.ts"
import * as Dockerfile from "./dockerfile.ts"
import { environment } from "./facts.ts"
import { FileSystem } from "./files.ts"
import { derive, enginePlatform, image as makeImage, type ImageConfig, type MemoryImage } from "./image.ts"
import { Input } from "./input.ts"
import { Journal } from "./journal.ts"
import { launch } from "./process.ts"
import { reasons } from "./reasons.ts"
import { resolve, transfer } from "./registry.ts"
import { Tree } from "./tree.ts"
import { filesOf } from "./view.ts"
import type { World } from "./world.ts"

type Tell = (status: BuildStatus) => Effect.Effect<void>

const { internal, invalid, notFound, unsupported } = reasons("build")

const nothingMounted = { mounts: [], volumes: [], volume: () => new Tree() }

const systemOf = (tree: Tree, readOnlyRoot = false): FileSystem =>
  new FileSystem(tree, { ...nothingMounted, readOnlyRoot })

/** A stage of a build: the image that it is becoming. */
interface Stage {
  readonly name: string | undefined
  readonly base: MemoryImage
  readonly tree: Tree
  readonly args: Record<string, string>
  readonly layers: Array<MemoryImage["layers"][number]>
  config: ImageConfig
  shell: ReadonlyArray<string>
  /** Whether the stage has said what to run: the base's own command is then no more. */
  ownCommand: boolean
}

/** The base of a stage: here already, or from the registry. */
const getBase = Effect.fnUntraced(function*(
  world: World,
  name: string,
  platform: string | undefined,
  options: BuildOptions,
  tell: Tell
): Effect.fn.Return<MemoryImage, Errors.Reason> {
  if (name === "scratch") {
    return makeImage("scratch", () => new ExitStatus.StartFailed({ issue: "not found" }), { layers: [], command: [] })
  }
  const wanted = platform ?? options.platform
  const present = yield* Effect.fromResult(world.store.find("build", name))
  if (present !== undefined && !options.pull && (wanted === undefined || wanted === present.image.platform)) {
    return present.image
  }
  // A registry that is down for pulls is down for builds.
  const pulled = world.faults.stream("pull", name, ({ layer }) =>
    Stream.unwrap(Effect.map(
      resolve(world, name, { platform: wanted }),
      (image) => transfer(world, name, image, layer)
    )))
  yield* Stream.runForEach(
    pulled,
    ({ current, id, status, total }) => tell(BuildStatus.makeUnsafe({ id, status, current, total }))
  )
  return (yield* Effect.fromResult(world.store.get("build", name))).image
})

/** Runs a command as a process of the image that is being made. */
const run = Effect.fnUntraced(function*(
  world: World,
  stage: Stage,
  command: ReadonlyArray<string>,
  tag: string,
  tell: Tell
): Effect.fn.Return<void, Errors.Reason> {
  const { base, config } = stage
  const user = config.user || "root"
  const hostname = base.id.slice(7, 19)
  const journal = new Journal()
  const { detach, output } = journal.attach(undefined)
  journal.begin()
  const input = new Input()
  input.close()
  const running = yield* launch(base.exec ?? base.recipe, {
    id: base.id,
    name: tag,
    image: base.name,
    command,
    env: environment({ hostname, user, tty: false }, stage.args, config.env),
    workDir: config.workDir || "/",
    user,
    hostname,
    labels: config.labels,
    mounts: [],
    resources: {},
    sysctls: {},
    networks: ["default"],
    ports: [],
    extraHosts: [],
    dns: undefined,
    platform: base.platform,
    tty: false,
    init: false,
    privileged: false,
    readOnlyRoot: false,
    security: { capAdd: [], capDrop: [], noNewPrivileges: false, devices: [] },
    isExec: false,
    isBuild: true,
    files: filesOf(systemOf(stage.tree))
  }, {
    input,
    write: (source, bytes, timestamp) => journal.write(source, bytes, timestamp),
    onExit: (_, clock) => journal.end(clock.currentTimeNanosUnsafe()),
    scope: world.scope
  })
  const decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() }
  yield* Stream.runForEachArray(output, (frames) => {
    let text = ""
    for (const { bytes, source } of frames) text += decoders[source].decode(bytes, { stream: true })
    return tell(BuildStatus.makeUnsafe({ stream: text }))
  }).pipe(
    Effect.ensuring(Effect.sync(() => {
      detach()
      running.kill(new ExitStatus.Killed({ signal: "SIGKILL" }))
    }))
  )
  const status = yield* running.exit
  if (status._tag === "Exited" && status.code === 0) return
  return yield* internal(
    `the command ${JSON.stringify(command.join(" "))} ${ExitStatus.format(status)}`,
    ExitStatus.toCode(status)
  )
})

const pattern = (glob: string): RegExp =>
  new RegExp(
    `^${glob.replace(/[.+^${}()|[\]\\]/g, "\\$&").replaceAll("*", "[^/]*").replaceAll("?", "[^/]")}$`
  )

/** What a source of a COPY names. */
const found = (from: FileSystem, source: string): ReadonlyArray<string> => {
  const path = posix.resolve("/", source)
  if (!/[*?]/.test(path)) return [path]
  const matches = pattern(path)
  return Result.match(from.walk("/"), {
    onFailure: () => [],
    onSuccess: (all) => all.map(([below]) => posix.resolve("/", below)).filter((each) => matches.test(each))
  })
}

const copy = Effect.fnUntraced(function*(
  stage: Stage,
  from: FileSystem,
  instruction: Dockerfile.Instruction,
  paths: ReadonlyArray<string>
): Effect.fn.Return<void, Errors.Reason> {
  const { keyword, line } = instruction
  const to = paths.at(-1)
  const sources = paths.slice(0, -1)
  if (to === undefined || sources.length === 0) {
    return yield* invalid(`line ${line}: ${keyword} needs at least one source and a destination`)
  }
  const target = systemOf(stage.tree)
  const destination = posix.resolve(stage.config.workDir || "/", to)
  const there = target.get(destination)
  const matched = sources.flatMap((source) => {
    const all = found(from, source)
    return all.length === 0 ? [posix.resolve("/", source)] : all
  })
  const into = to.endsWith("/") || matched.length > 1 || (Result.isSuccess(there) && there.success.type === "directory")
  let size = 0
  for (const source of matched) {
    if (keyword === "ADD" && /^\/https?:/.test(source)) {
      return yield* unsupported(`line ${line}: the in-memory engine downloads nothing`)
    }
    const walked = from.walk(source)
    if (Result.isFailure(walked)) {
      return yield* notFound(`${keyword} failed: ${source.slice(1)} is not in the build context, or is ignored there`)
    }
    for (const [below, node] of walked.success) {
      const isRootOfFile = below === "" && node.type !== "directory"
      const path = isRootOfFile && into
        ? posix.join(destination, posix.basename(source))
        : posix.join(destination, below)
      yield* Effect.fromResult(target.put(path, node))
      if (node.type === "file") size += node.bytes.length
    }
  }
  stage.layers.push({ id: makeImage("layer", () => 0).id.slice(7, 19), size })
})

const command = (stage: Stage, rest: string): ReadonlyArray<string> =>
  Dockerfile.execForm(rest) ?? [...stage.shell, rest]

/** Does one instruction, other than FROM. */
const step = Effect.fnUntraced(function*(
  world: World,
  stage: Stage,
  others: ReadonlyArray<Stage>,
  context: FileSystem,
  instruction: Dockerfile.Instruction,
  escape: string,
  options: BuildOptions,
  args: Readonly<Record<string, string>>,
  globals: Readonly<Record<string, string>>,
  tell: Tell
): Effect.fn.Return<void, Errors.Reason> {
  const { document, flags, keyword, line, rest } = instruction
  const variables = { ...stage.args, ...stage.config.env }
  const one = () => Dockerfile.words(rest, variables, escape).join(" ")
  const change = (changes: Partial<ImageConfig>) => {
    stage.config = { ...stage.config, ...changes }
  }
  switch (keyword) {
    case "ARG":
      for (const [name, value] of Dockerfile.pairs(rest, variables, escape)) {
        const given = args[name] ?? (rest.includes("=") ? value : globals[name])
        if (given !== undefined) stage.args[name] = given
      }
      return
    case "ENV":
      return change({ env: { ...stage.config.env, ...Object.fromEntries(Dockerfile.pairs(rest, variables, escape)) } })
    case "LABEL":
      return change({
        labels: { ...stage.config.labels, ...Object.fromEntries(Dockerfile.pairs(rest, variables, escape)) }
      })
    case "WORKDIR": {
      const workDir = posix.resolve(stage.config.workDir || "/", one())
      yield* filesOf(systemOf(stage.tree)).makeDirectory(workDir)
      return change({ workDir })
    }
    case "USER":
      return change({ user: one() })
    case "VOLUME": {
      const paths = Dockerfile.execForm(rest) ?? Dockerfile.words(rest, variables, escape)
      return change({ volumes: [...new Set([...stage.config.volumes, ...paths])] })
    }
    case "STOPSIGNAL":
      return change({ stopSignal: one() })
    case "CMD":
      stage.ownCommand = true
      return change({ command: command(stage, rest) })
    case "ENTRYPOINT":
      // What the base ran is not what the new entrypoint takes for its arguments.
      return change({ entrypoint: command(stage, rest), ...(stage.ownCommand ? {} : { command: [] }) })
    case "SHELL": {
      const shell = Dockerfile.execForm(rest)
      if (shell === undefined || shell.length === 0) {
        return yield* invalid(`line ${line}: SHELL needs a list such as ["/bin/sh", "-c"]`)
      }
      stage.shell = shell
      return
    }
    case "RUN": {
      const script = document === undefined
        ? rest
        : /^<<-?\s*(["']?)\w+\1$/.test(rest)
        ? document
        : `${rest}\n${document}${/<<-?\s*["']?(\w+)/.exec(rest)?.[1] ?? ""}\n`
      return yield* run(world, stage, command(stage, script), options.tag, tell)
    }
    case "COPY":
    case "ADD": {
      if (document !== undefined) {
        return yield* unsupported(`line ${line}: the in-memory engine does not copy here-documents`)
      }
      const paths = Dockerfile.execForm(rest) ?? Dockerfile.words(rest, variables, escape)
      const from = flags["from"]
      if (from === undefined) return yield* copy(stage, context, instruction, paths)
      const other = others.find(({ name }) => name === from.toLowerCase()) ??
        others[/^\d+$/.test(from) ? Number(from) : -1]
      const tree = other === undefined ? (yield* getBase(world, from, undefined, options, tell)).tree : other.tree
      return yield* copy(stage, systemOf(tree), instruction, paths)
    }
    case "ONBUILD":
      return yield* unsupported(`line ${line}: the in-memory engine has no ONBUILD`)
    default:
      // EXPOSE, HEALTHCHECK, MAINTAINER: nothing that a recipe or the image's description would show.
      return
  }
})

/** The instructions that are needed for a target: all up to the end of its stage. */
const upTo = (
  instructions: ReadonlyArray<Dockerfile.Instruction>,
  target: string | undefined
): ReadonlyArray<Dockerfile.Instruction> | undefined => {
  if (target === undefined) return instructions
  let stage = -1
  let end: number | undefined
  for (const [index, { keyword, rest }] of instructions.entries()) {
    if (keyword !== "FROM") continue
    if (end !== undefined) return instructions.slice(0, index)
    stage++
    const name = /\sAS\s+(\S+)\s*$/i.exec(rest)?.[1]
    if (name?.toLowerCase() === target.toLowerCase() || String(stage) === target) end = index
  }
  return end === undefined ? undefined : instructions
}

const stepsOf = (tell: Tell) => (number: number, total: number, instruction: string): Effect.Effect<void> =>
  tell(BuildStatus.makeUnsafe({
    stream: `Step ${number}/${total} : ${instruction}\n`,
    step: { number, total, instruction }
  }))

/** Builds what the Dockerfile says, instruction by instruction. */
const interpret = Effect.fnUntraced(function*(
  world: World,
  context: FileSystem,
  text: string,
  args: Readonly<Record<string, string>>,
  options: BuildOptions,
  tell: Tell
): Effect.fn.Return<MemoryImage, Errors.Reason> {
  const { escape, instructions: all } = yield* Effect.mapError(
    Effect.fromResult(Dockerfile.parse(text)),
    (issue) => invalid(`${options.dockerfile}: ${issue}`)
  )
  const instructions = upTo(all, options.target)
  if (instructions === undefined) return yield* notFound(`${options.dockerfile} has no stage ${options.target}`)
  const tellStep = stepsOf(tell)
  const globals: Record<string, string> = {}
  const stages: Array<Stage> = []
  for (const [index, instruction] of instructions.entries()) {
    yield* tellStep(index + 1, instructions.length, instruction.text)
    const stage = stages.at(-1)
    if (instruction.keyword === "FROM") {
      const [name = "", as, alias] = Dockerfile.words(instruction.rest, globals, escape)
      if (name === "" || (as !== undefined && (as.toLowerCase() !== "as" || alias === undefined))) {
        return yield* invalid(`line ${instruction.line}: FROM needs an image, and may have AS and a name after it`)
      }
      const other = stages.find((stage) => stage.name === name.toLowerCase())
      const base = other?.base ?? (yield* getBase(world, name, instruction.flags["platform"], options, tell))
      stages.push({
        name: alias?.toLowerCase(),
        base,
        tree: (other?.tree ?? base.tree).copy(),
        args: {},
        layers: [...other?.layers ?? base.layers],
        config: other?.config ?? base.config,
        shell: ["/bin/sh", "-c"],
        ownCommand: false
      })
    } else if (stage === undefined) {
      for (const [name, value] of Dockerfile.pairs(instruction.rest, globals, escape)) {
        globals[name] = args[name] ?? value
      }
    } else {
      yield* step(world, stage, stages, context, instruction, escape, options, args, globals, tell)
    }
  }
  const last = stages.at(-1)!
  return derive(last.base, options.tag, {
    config: { ...last.config, labels: { ...last.config.labels, ...options.labels } },
    tree: last.tree,
    layers: last.layers,
    createdAt: yield* DateTime.now,
    platform: options.platform ?? last.base.platform
  })
})

const make = Effect.fnUntraced(function*<E>(
  world: World,
  archive: Stream.Stream<Uint8Array, E>,
  options: BuildOptions,
  tell: Tell
): Effect.fn.Return<void, Errors.Reason | E> {
  const whole = new Tree()
  for (const { node, path } of yield* unpack("build", archive)) {
    yield* Effect.fromResult(whole.put(posix.resolve("/", path), node))
  }
  const context = systemOf(whole, true)
  const text = yield* Effect.mapError(
    filesOf(context).readText(posix.resolve("/", options.dockerfile)),
    () => notFound(`the build context has no Dockerfile ${JSON.stringify(options.dockerfile)}`)
  )
  const args = Object.fromEntries(
    Object.entries(options.buildArgs).map((
      [name, value]
    ) => [name, Redacted.isRedacted(value) ? Redacted.value(value) : value])
  )
  const log = (stream: string) => tell(BuildStatus.makeUnsafe({ stream }))
  const built = world.builder === undefined
    ? yield* interpret(world, context, text, args, options, tell)
    : yield* world.builder({
      tag: options.tag,
      dockerfile: text,
      context: filesOf(context),
      args,
      labels: options.labels,
      target: options.target,
      platform: options.platform ?? enginePlatform,
      step: stepsOf(tell),
      log
    })
  const millis = yield* Clock.currentTimeMillis
  world.store.add(built, options.tag, DateTime.makeUnsafe(millis), "here")
  world.events.publish("image", "tag", built.id, { ...built.config.labels, name: options.tag }, millis)
  yield* tell(BuildStatus.makeUnsafe({ imageId: built.id }))
  yield* log(`Successfully built ${built.id.slice(7, 19)}\nSuccessfully tagged ${options.tag}\n`)
})

export const build = <E>(
  world: World,
  context: Stream.Stream<Uint8Array, E>,
  options: BuildOptions
): Stream.Stream<BuildStatus, Errors.Reason | E> =>
  Stream.callback<BuildStatus, Errors.Reason | E>(
    (queue) =>
      Effect.andThen(
        make(world, context, options, (status) => Queue.offer(queue, status)),
        Queue.end(queue)
      ),
    // Little more than is read: a build that nobody reads any more stops.
    { bufferSize: 16, strategy: "suspend" }
  )
