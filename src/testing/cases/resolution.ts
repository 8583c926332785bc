import * as Effect from "effect/Effect"
import * as Container from "../../Container.ts"
import { type Case, group, job, needs } from "../case.ts"
import { equal } from "../expect.ts"
import { Fixture } from "../fixture.ts"

const it = group("names and addresses")

/** The words of each line. */
const words = (text: string) => text.split("\n").filter((line) => line !== "").map((line) => line.trim().split(/\s+/))

const hosts = (self: Container.Container) =>
  Effect.flatMap(
    Container.string(self),
    (text) =>
      equal("what its /etc/hosts says of them", words(text), [["192.0.2.7", "efc-other"], [
        "2001:db8::7",
        "efc-other.example"
      ]])
  )

const others = Effect.map(job("grep efc-other /etc/hosts"), (self) =>
  self.pipe(
    Container.hostname("efc-own"),
    Container.extraHost("efc-other", "192.0.2.7"),
    Container.extraHost("efc-other.example", "2001:db8::7")
  ))

export const cases: ReadonlyArray<Case> = [
  it("knows the hosts that it is told of", Effect.flatMap(others, (self) => needs("extraHosts", self, hosts))),
  it(
    "knows them without a network too",
    Effect.flatMap(others, (self) => needs(["extraHosts", "noNetwork"], Container.network(self, "none"), hosts))
  ),
  it(
    "knows them in a network too, and itself",
    Effect.flatMap(
      others,
      (self) => needs("extraHosts", Container.network(self, "bridge"), (self) => needs("bridgeNetworks", self, hosts))
    )
  ),
  it(
    "reaches a server of the engine's host by a name, and by one of its own choice",
    Effect.gen(function*() {
      const port = 20_000 + Math.floor(Math.random() * 10_000)
      const asks = (name: string) =>
        job(`until wget -q -T 5 -O - http://${name}:${port}/; do sleep 0.1; done`).pipe(
          Effect.map(Container.network("bridge"))
        )
      const named = Container.hostAccess(yield* asks("host.containers.internal"))
      yield* needs(["hostAccess", "hostNetwork"], named, (named) =>
        Effect.gen(function*() {
          const own = Container.hostAccess(yield* job("grep efc-host /etc/hosts"), "efc-host")
          const [[, ...names] = []] = words(yield* Container.string(own))
          yield* equal("its own name", names, ["efc-host"])
          if ((yield* Fixture).ways?.includes("its processes have no network") === true) return
          const server = yield* job(`echo here > /tmp/index.html; exec httpd -f -p ${port} -h /tmp`)
          yield* Container.start(Container.network(server, "host"))
          yield* equal("what it says", yield* Container.string(named), "here\n")
        }))
    })
  ),
  it(
    "asks the name servers that it is told of",
    Effect.gen(function*() {
      // Who has no network need not be told of any.
      const connected = Container.network(yield* job("cat /etc/resolv.conf"), "bridge")
      const self = Container.dns(connected, ["192.0.2.53", "2001:db8::53"], {
        search: ["one.example", "two.example"],
        options: ["ndots:2", "timeout:1"]
      })
      yield* needs(["dns", "bridgeNetworks"], self, (self) =>
        Effect.flatMap(Container.string(self), (text) => {
          const said = words(text).filter(([first = ""]) => ["nameserver", "search", "options"].includes(first))
          return equal("what its /etc/resolv.conf says", said.toSorted(), [
            ["nameserver", "192.0.2.53"],
            ["nameserver", "2001:db8::53"],
            ["options", "ndots:2", "timeout:1"],
            ["search", "one.example", "two.example"]
          ])
        }))
    })
  )
]
