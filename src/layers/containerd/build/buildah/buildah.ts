import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import { mkdir, readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import type { BuildOptions } from "../../../../Backend.ts"
import type * as Errors from "../../../../Errors.ts"
import type { BuildStatus } from "../../../../Progress.ts"
import { fromCause, reason } from "../../errors.ts"
import type { Builder, Job } from "../builder.ts"
import { renamed } from "../dockerfile.ts"
import * as Process from "../process.ts"
import * as Failure from "./failure.ts"
import { Output } from "./output.ts"
import type { Program } from "./program.ts"
import * as Store from "./store.ts"

const operation = "build"

interface Arguments {
  readonly args: ReadonlyArray<string>
  readonly env: Readonly<Record<string, string>>
}

/** Variables by which a program, or what starts it, is told what to do. */
const isSetting = (name: string): boolean =>
  /^(?:PATH|HOME|LANG|TMPDIR|USER|IFS|ENV|BASH_ENV|REGISTRY_AUTH_FILE|GO(?:DEBUG|GC|MAXPROCS|MEMLIMIT|TRACEBACK)|(?:LD|LC|XDG|BUILDAH|CONTAINERS|STORAGE)_.*|_.*)$/
    .test(name)

/** A secret is not for the list of processes: it comes by a variable. */
export const buildArgs = (given: BuildOptions["buildArgs"]): Effect.Effect<Arguments, Errors.Reason> =>
  Effect.gen(function*() {
    const args: Array<string> = []
    const env: Record<string, string> = {}
    for (const [name, value] of Object.entries(given)) {
      if (!Redacted.isRedacted(value)) {
        args.push("--build-arg", `${name}=${value}`)
        continue
      }
      if (isSetting(name)) {
        return yield* reason("InvalidArgument", {
          operation,
          message: `a redacted build argument cannot be called ${name}`,
          hint: "give it another name: Buildah takes it from its environment"
        })
      }
      env[name] = Redacted.value(value)
      args.push("--build-arg", name)
    }
    return { args, env }
  })

const files = (work: string) =>
  Effect.tryPromise({
    try: async () => {
      // No ignore file: what the context has was chosen before.
      await writeFile(join(work, "empty"), "")
      await writeFile(join(work, "policy.json"), Store.policy)
      await mkdir(join(work, "image"))
    },
    catch: (cause) => fromCause(operation, cause)
  })

/** What the build of a job is called with. */
const argsOf = ({ context, folder, id, options }: Job, given: Arguments, names: ReadonlyMap<string, string>) => [
  "build",
  // Needs no runtime and no cgroups, and works in containers too.
  "--isolation=chroot",
  // Keeps all that a Dockerfile can say; OCI's own format has no place for some of it.
  "--format=docker",
  "--layers",
  "--force-rm",
  "--pull=never",
  ...Store.trust(folder),
  "--http-proxy=false",
  "--identity-label=false",
  "--iidfile",
  join(folder, "id"),
  "--ignorefile",
  join(folder, "empty"),
  ...Store.marker(id, folder),
  // Those that files are taken from.
  ...[...names].flatMap(([theirs, ours]) => ["--build-context", `${theirs}=container-image://${ours}`]),
  ...given.args,
  ...Object.entries(options.labels).flatMap(([name, value]) => ["--label", `${name}=${value}`]),
  ...(options.target === undefined ? [] : ["--target", options.target]),
  ...(options.platform === undefined ? [] : ["--platform", options.platform]),
  ...(options.noCache ? ["--no-cache"] : []),
  "--file",
  join(folder, "Dockerfile"),
  context
]

/** Buildah, with a store of its own below `folder`. */
export const make = (
  program: Program,
  folder: string,
  exported: (image: string) => Stream.Stream<Uint8Array, Errors.Reason>
): Builder => {
  const store = Store.make(program, folder, exported)

  const run = Effect.fnUntraced(function*(job: Job): Effect.fn.Return<string, Errors.Reason> {
    const names = new Map<string, string>()
    for (const base of job.bases) names.set(base.name, yield* store.bring(base, job.folder))
    yield* Effect.tryPromise({
      try: () => writeFile(join(job.folder, "Dockerfile"), renamed(job.parsed, names)),
      catch: (cause) => fromCause(operation, cause)
    })
    const given = yield* buildArgs(job.options.buildArgs)
    const output = new Output(job.parsed, names)
    const { command, cwd, env } = store.command(argsOf(job, given, names), job.folder)
    const code = yield* Effect.scoped(Effect.gen(function*() {
      const running = yield* Process.start({ command, cwd, env: { ...given.env, ...env } })
      yield* Stream.runForEachArray(Stream.decodeText(running.output), (texts) => {
        const statuses: Array<BuildStatus> = []
        for (const text of texts) output.push(text, statuses)
        return job.emit(statuses)
      })
      return yield* running.exitCode
    })).pipe(
      // One that had no time to clean up.
      Effect.onExit((exit) =>
        exit._tag === "Success" && exit.value === 0 ? Effect.void : store.clean(job.id, job.folder)
      )
    )
    const last: Array<BuildStatus> = []
    const failure = output.end(last, code !== 0)
    yield* job.emit(last)
    if (code !== 0) return yield* Failure.of(failure, code)
    return yield* Effect.tryPromise({
      try: async () => (await readFile(join(job.folder, "id"), "utf8")).trim().replace("sha256:", ""),
      catch: (cause) => fromCause(operation, cause)
    })
  })

  let isSwept = false

  return {
    name: "buildah",
    build: Effect.fnUntraced(function*(job) {
      yield* files(job.folder)
      if (!isSwept) {
        isSwept = true
        yield* store.clean(job.id, job.folder)
      }
      const image = join(job.folder, "image")
      yield* store.using(Effect.gen(function*() {
        const id = yield* run(job)
        // As it is in the store: the layers that containerd has need not be compressed once more.
        const push = store.command(
          ["push", "--quiet", "--disable-compression", ...Store.trust(job.folder), id, `dir:${image}`],
          job.folder
        )
        const { code, text } = yield* Process.run(push)
        if (code !== 0) return yield* Failure.of(text.trim().replace(/^.*Error: /s, ""), code)
      }))
      yield* store.bound(job.folder)
      return {
        manifest: join(image, "manifest.json"),
        blob: (digest) => join(image, digest.replace(/^sha256:/, ""))
      }
    })
  }
}
