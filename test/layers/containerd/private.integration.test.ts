/**
 * A private containerd, with the programs of a Debian suite: nothing has to be installed. Each program that uses it is a
 * process of its own, and ends in a way of its own; what is there afterwards is what was there before.
 */
import { assert, beforeAll, describe, it } from "@effect/vitest"
import { Effect, Schedule, type Scope } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { createHash } from "node:crypto"
import { once } from "node:events"
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { basename, join } from "node:path"
import { createInterface } from "node:readline"
import { cannotStart, script, suite } from "../../../scripts/engines/home.ts"
import { archive, makeImage } from "../../../scripts/engines/image.ts"
import { type Row, row } from "../../../scripts/engines/table.ts"
import { versions } from "./engine.ts"

const here = (name: string) => join(import.meta.dirname, "daemon", name)

let image = ""
let home = ""

beforeAll(async () => {
  assert.isUndefined(cannotStart(), "private engines are tested as root on Linux")
  home = mkdtempSync(join(tmpdir(), "efc-private-"))
  image = join(home, "busybox.tar")
  writeFileSync(image, archive(await makeImage(), ["busybox:test"]))
  return () => rmSync(home, { recursive: true, force: true })
}, 300_000)

interface Place {
  readonly folder: string
  /** A name of the engine that is in the path of each of its things. */
  readonly id: string
  readonly config: object
}

/** A folder for an engine, and the program of a suite. */
const place = (name: Row["suite"] = "trixie"): Effect.Effect<Place, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const folder = mkdtempSync(join(home, "engine-"))
      const containerd = join(folder, "containerd")
      writeFileSync(
        containerd,
        `#!/bin/sh\nexec bash '${script("inside.sh")}' programs '${await suite(name)}' containerd "$@"\n`
      )
      chmodSync(containerd, 0o755)
      const id = createHash("sha256").update(folder).digest("hex").slice(0, 10)
      return { folder, id, config: { autoStart: { when: "always", folder, containerd } } }
    }),
    ({ folder }) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
  )

const processes = (mine: (command: string) => boolean): ReadonlyArray<{ pid: number; command: string }> =>
  readdirSync("/proc").filter((pid) => /^\d+$/.test(pid)).flatMap((pid) => {
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ")
      return mine(command) && !command.includes("program.ts") ? [{ pid: Number(pid), command }] : []
    } catch {
      return []
    }
  })

/** All that there is of an engine, besides what stays. */
const things = ({ folder, id }: Place): ReadonlyArray<string> => [
  ...processes((command) => command.includes(id) || command.includes(folder)).map(({ command }) => command),
  ...["memory", "pids", "."].flatMap((hierarchy) => {
    const at = join("/sys/fs/cgroup", hierarchy)
    return existsSync(at) ? readdirSync(at).filter((name) => name.endsWith(id)).map((name) => `cgroup ${name}`) : []
  }),
  ...readFileSync("/proc/self/mounts", "utf8").split("\n").filter((line) => line.includes(id) || line.includes(folder)),
  ...existsSync(`/run/effect-containers/${id}`) ? [`/run/effect-containers/${id}`] : [],
  ...["/run/containerd/runc", "/run/containerd/s"].flatMap((at) =>
    existsSync(at) ? readdirSync(at).filter((name) => name.includes(id)) : []
  ),
  ...readdirSync(folder).filter((name) => !["containerd", "lock", "log", "root"].includes(name))
]

const assertNothingLeft = (place: Place) =>
  Effect.sync(() => things(place)).pipe(
    Effect.filterOrFail((left) => left.length === 0, (left) => new Error(`left: ${left.join("; ")}`)),
    Effect.retry(Schedule.upTo(Schedule.spaced("50 millis"), { times: 100 })),
    Effect.orDie
  )

interface Program {
  readonly process: ChildProcess
  readonly next: Effect.Effect<Record<string, unknown>>
  readonly say: (word: string) => Effect.Effect<void>
  readonly kill: (signal: NodeJS.Signals) => Effect.Effect<void>
}

/** A program that uses the engine and, if it is to, has a container there; killed at the end, if it goes on that long. */
const program = (
  { config }: Place,
  { container = true }: { readonly container?: boolean } = {}
): Effect.Effect<Program, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync((): Program => {
      const args = ["--import", here("sources.ts"), here("program.ts"), JSON.stringify(config)]
      const child = spawn(process.execPath, [...args, ...container ? [image] : []], {
        stdio: ["pipe", "pipe", "inherit"]
      })
      const exit = once(child, "exit")
      const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
      return {
        process: child,
        next: Effect.promise(async () => {
          for (;;) {
            const { value } = await lines.next()
            if (value === undefined) return {}
            // Whatever else a program says is a warning.
            if (value.startsWith("{")) return JSON.parse(value)
            console.warn(value)
          }
        }),
        say: (word) => Effect.sync(() => void child.stdin.write(`${word}\n`)),
        kill: (signal) =>
          Effect.promise(() => {
            child.kill(signal)
            return exit
          })
      }
    }),
    ({ kill, process }) => process.exitCode === null && process.signalCode === null ? kill("SIGKILL") : Effect.void
  )

const ready = (one: Program) =>
  Effect.tap(one.next, (said) => Effect.sync(() => assert.strictEqual(said["is"], "ready", JSON.stringify(said))))

/** Whether the engine does, when a program asks it. */
const answers = (one: Program) =>
  Effect.map(Effect.andThen(one.say("health"), one.next), (said) => said["_tag"] === "Success")

const keepers = (place: Place) =>
  processes((command) => command.includes("keeper.ts") && command.includes(place.folder)).map(({ pid }) => pid)

const daemons = ({ id }: Place) =>
  processes((command) =>
    command.includes("--config") && command.includes(id) && basename(command.split(" ")[0] ?? "") === "containerd"
  )
    .map(({ pid }) => pid)

const shims = ({ id }: Place) =>
  processes((command) => command.includes("containerd-shim") && command.includes(id)).map(({ pid }) => pid)

describe("a private containerd", { timeout: 180_000 }, () => {
  it.live.each(versions)(
    "of the programs of %s runs containers and is gone with the program",
    (name) =>
      Effect.gen(function*() {
        const at = yield* place(row(name)?.suite)
        const one = yield* program(at)
        const said = yield* ready(one)
        assert.strictEqual(said["address"], `unix:///run/effect-containers/${at.id}/containerd.sock`)
        assert.lengthOf(shims(at), 1)
        yield* one.say("end")
        assert.deepInclude(yield* one.next, { is: "Success" })
        // The Layer's end has waited for it.
        assert.lengthOf(daemons(at), 0)
        yield* assertNothingLeft(at)

        // The image is still there: nothing is imported a second time.
        const two = yield* program({ ...at }, {})
        yield* ready(two)
        yield* two.say("end")
        yield* two.next
        yield* assertNothingLeft(at)
      })
  )

  it.live.each([
    ["fails", "fail"],
    ["exits in the middle", "exit"]
  ])("is gone when its program %s", ([, word = ""]) =>
    Effect.gen(function*() {
      const at = yield* place()
      const one = yield* program(at)
      yield* ready(one)
      yield* one.say(word)
      yield* one.next
      yield* assertNothingLeft(at)
    }))

  it.live.each(["SIGINT", "SIGKILL"] as const)("is gone when its program gets %s", (signal) =>
    Effect.gen(function*() {
      const at = yield* place()
      const one = yield* program(at)
      yield* ready(one)
      yield* one.kill(signal)
      yield* assertNothingLeft(at)
    }))

  it.live("is shared by programs that name its folder, one of which started it, and goes with the last", () =>
    Effect.gen(function*() {
      const at = yield* place()
      const all = [yield* program(at), yield* program(at), yield* program(at)]
      yield* Effect.forEach(all, ready, { concurrency: "unbounded" })
      assert.lengthOf(daemons(at), 1)
      assert.lengthOf(keepers(at), 1)
      assert.lengthOf(shims(at), 3)
      const [first, second, third] = all
      yield* first!.kill("SIGKILL")
      yield* second!.say("end")
      yield* second!.next
      assert.lengthOf(daemons(at), 1)
      assert.isTrue(yield* answers(third!))
      yield* third!.say("end")
      yield* third!.next
      yield* assertNothingLeft(at)
    }))

  it.live("whose keeper is killed is cleared up by its program's end", () =>
    Effect.gen(function*() {
      const at = yield* place()
      const one = yield* program(at)
      yield* ready(one)
      for (const pid of keepers(at)) process.kill(pid, "SIGKILL")
      yield* one.say("end")
      yield* one.next
      yield* assertNothingLeft(at)
    }))

  it.live("whose keeper and program are killed is cleared up by the next start", () =>
    Effect.gen(function*() {
      const at = yield* place()
      const one = yield* program(at)
      yield* ready(one)
      const before = new Set([...daemons(at), ...shims(at)])
      for (const pid of keepers(at)) process.kill(pid, "SIGKILL")
      yield* one.kill("SIGKILL")
      assert.lengthOf(shims(at), 1, "there is something to clear up")
      const two = yield* program(at, { container: false })
      yield* ready(two)
      assert.lengthOf(shims(at), 0)
      assert.isEmpty(daemons(at).filter((pid) => before.has(pid)))
      yield* two.say("end")
      yield* two.next
      yield* assertNothingLeft(at)
    }))

  it.live("that is killed is started again, and goes with its program", () =>
    Effect.gen(function*() {
      const at = yield* place()
      const one = yield* program(at)
      yield* ready(one)
      yield* Effect.sleep("1200 millis")
      const [before] = daemons(at)
      process.kill(before!, "SIGKILL")
      yield* Effect.sync(() => daemons(at)).pipe(
        Effect.repeat({ until: ([now]) => now !== undefined && now !== before, schedule: Schedule.spaced("20 millis") })
      )
      yield* answers(one).pipe(
        Effect.repeat({ until: (does) => does, schedule: Schedule.spaced("100 millis") })
      )
      assert.lengthOf(shims(at), 1)
      yield* one.say("end")
      yield* one.next
      yield* assertNothingLeft(at)
    }))

  it.live("that dies again and again is given up: calls fail Unavailable, and nothing is left", () =>
    Effect.gen(function*() {
      const at = yield* place()
      const one = yield* program(at)
      yield* ready(one)
      yield* Effect.gen(function*() {
        for (const pid of daemons(at)) process.kill(pid, "SIGKILL")
        yield* Effect.sleep("50 millis")
      }).pipe(Effect.repeat({ until: () => keepers(at).length === 0 }))
      yield* assertNothingLeft(at)
      yield* one.say("health")
      const said = yield* one.next
      assert.strictEqual(said["_tag"], "Failure")
      assert.include(JSON.stringify(said), `"Unavailable"`)
      yield* one.say("end")
      yield* one.next
      yield* assertNothingLeft(at)
    }))

  it.live("that cannot start says why, and leaves nothing", () =>
    Effect.gen(function*() {
      const at = yield* place()
      writeFileSync(join(at.folder, "containerd"), "#!/bin/sh\necho no such luck >&2\nexit 3\n")
      const one = yield* program(at)
      const said = yield* one.next
      assert.strictEqual(said["is"], "Failure")
      assert.include(String(said["why"]), "no such luck")
      yield* assertNothingLeft(at)
    }))
})
