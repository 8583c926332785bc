import { afterEach, beforeEach, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { deepStrictEqual, match } from "node:assert"
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Members from "../../../../src/layers/containerd/cni/members.ts"
import * as State from "../../../../src/layers/containerd/cni/state.ts"

let root = ""
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "efc-members-"))
})
afterEach(() => rmSync(root, { recursive: true }))

const network = (name: string): string => {
  const folder = join(root, ".networks", name)
  mkdirSync(Members.folderOf(folder), { recursive: true })
  return folder
}

/** A container with files as it has them once it is connected. */
const container = (id: string, ...networks: ReadonlyArray<string>) =>
  Effect.suspend(() => {
    const folder = join(root, id)
    mkdirSync(folder)
    writeFileSync(join(folder, "hosts"), "")
    return State.write("start", folder, {
      containerId: id,
      plugins: { folders: [], path: "" },
      hosts: `127.0.0.1\t${id}\n`,
      links: networks.map((made, n) => ({
        network: { name: made, plugins: [{ type: "bridge" }] },
        interface: `eth${n}`,
        portMappings: [],
        made
      }))
    })
  })

const hosts = (id: string): string => readFileSync(join(root, id, "hosts"), "utf8")

describe("names in a network", () => {
  it.live("of many that come and go at once, each has in the end those that stayed, and no other", () =>
    Effect.gen(function*() {
      const net = network("net")
      const ids = Array.from({ length: 24 }, (_, n) => `c${String(n).padStart(2, "0")}`)
      yield* Effect.forEach(ids, (id) => container(id, net))
      yield* Effect.forEach(ids, (id, n) =>
        Effect.gen(function*() {
          yield* Members.enter("start", net, id, { names: [id, `alias-${id}`], addresses: [`10.0.0.${n}`] })
          if (n % 3 === 0) yield* Members.leave("remove", net, id)
        }), { concurrency: "unbounded" })
      const left = ids.flatMap((id, n) => n % 3 === 0 ? [] : [`10.0.0.${n}\t${id} alias-${id}\n`]).join("")
      for (const [n, id] of ids.entries()) if (n % 3 !== 0) deepStrictEqual(hosts(id), `127.0.0.1\t${id}\n${left}`)
    }))

  it.live("a container of two networks has the names of both, and each of them its own", () =>
    Effect.gen(function*() {
      const [one, two] = [network("one"), network("two")]
      yield* container("a", one)
      yield* container("b", one, two)
      yield* container("c", two)
      yield* Members.enter("start", one, "a", { names: ["a"], addresses: ["10.0.1.2"] })
      yield* Members.enter("start", one, "b", { names: ["b", "x"], addresses: ["10.0.1.3"] })
      yield* Members.enter("start", two, "b", { names: ["b", "y"], addresses: ["10.0.2.3"] })
      yield* Members.enter("start", two, "c", { names: ["c"], addresses: ["10.0.2.2", "fd00::2"] })
      deepStrictEqual(hosts("a"), "127.0.0.1\ta\n10.0.1.2\ta\n10.0.1.3\tb x\n")
      deepStrictEqual(
        hosts("b"),
        "127.0.0.1\tb\n10.0.1.2\ta\n10.0.1.3\tb x\n10.0.2.3\tb y\n10.0.2.2\tc\nfd00::2\tc\n"
      )
      deepStrictEqual(hosts("c"), "127.0.0.1\tc\n10.0.2.3\tb y\n10.0.2.2\tc\nfd00::2\tc\n")
    }))

  it.live("is closed when nobody is in it, whose container is gone is nobody, and who comes then is told", () =>
    Effect.gen(function*() {
      const net = network("net")
      yield* container("a", net)
      yield* Members.enter("start", net, "a", { names: ["a"], addresses: ["10.0.0.2"] })
      deepStrictEqual(yield* Effect.promise(() => Members.close(net)), ["a"])
      rmSync(join(root, "a"), { recursive: true })
      deepStrictEqual(yield* Effect.promise(() => Members.close(net)), [])
      deepStrictEqual(existsSync(Members.folderOf(net)), false)
      yield* container("b", net)
      const error = yield* Effect.flip(
        Members.enter("start", net, "b", { names: ["b"], addresses: ["10.0.0.3"] })
      )
      deepStrictEqual(error._tag, "NotFound")
      match(error.message, /no network net/)
      // Who takes leave of it then has nothing to do.
      yield* Members.leave("remove", net, "b")
    }))
})
