/**
 * Makes one Swarm of several dockerds, by the API that they are spoken to with.
 */
import { request } from "node:http"
import { setTimeout as sleep } from "node:timers/promises"
import { EnginesError } from "./home.ts"

/** A machine of a Swarm. */
export interface Node {
  /** As the Swarm shows it. */
  readonly name: string
  readonly socket: string
  readonly address: string
}

/** Asks a dockerd, gives what it says. */
export const ask = (
  socketPath: string,
  method: string,
  path: string,
  body?: object,
  more?: Readonly<Record<string, string>>
): Promise<unknown> =>
  new Promise((done, fail) => {
    const text = body === undefined ? "" : JSON.stringify(body)
    const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(text), ...more }
    const asked = request({ socketPath, method, path, headers, agent: false }, (response) => {
      const said: Array<Buffer> = []
      response.on("data", (chunk: Buffer) => said.push(chunk))
      response.once("error", fail)
      response.once("end", () => {
        const answer = Buffer.concat(said).toString()
        if ((response.statusCode ?? 500) >= 300) {
          fail(new EnginesError(`${method} ${path}: ${response.statusCode} ${answer.trim()}`))
        } else {
          try {
            done(answer === "" ? undefined : JSON.parse(answer))
          } catch (error) {
            fail(error)
          }
        }
      })
    })
    asked.once("error", fail)
    asked.end(text)
  })

interface Listed {
  readonly Description?: { readonly Hostname?: string }
  readonly Status?: { readonly State?: string }
}

/** How long the nodes may take to find each other, in milliseconds. */
const patience = 30_000

/** The names of the nodes that are ready. */
export const ready = async (socket: string): Promise<ReadonlyArray<string>> => {
  const nodes = await ask(socket, "GET", "/nodes") as ReadonlyArray<Listed>
  return nodes.flatMap(({ Description, Status }) => Status?.State === "ready" ? [Description?.Hostname ?? ""] : [])
}

/** The first so many are managers. A node that is gone shows after three seconds, not after fifteen. */
export const form = async (nodes: ReadonlyArray<Node>, managers: number): Promise<void> => {
  const [first, ...others] = nodes
  if (first === undefined) throw new EnginesError("a Swarm has at least one node")
  const at = ({ address }: Node) => ({ ListenAddr: `${address}:2377`, AdvertiseAddr: address })
  await ask(first.socket, "POST", "/swarm/init", { ...at(first), Spec: { Dispatcher: { HeartbeatPeriod: 1e9 } } })
  const { JoinTokens } = await ask(first.socket, "GET", "/swarm") as {
    readonly JoinTokens: { readonly Manager: string; readonly Worker: string }
  }
  // One after the other: managers that come at once make each other wait.
  for (const [index, node] of others.entries()) {
    const JoinToken = index + 1 < managers ? JoinTokens.Manager : JoinTokens.Worker
    await ask(node.socket, "POST", "/swarm/join", { ...at(node), RemoteAddrs: [`${first.address}:2377`], JoinToken })
  }
  for (const end = Date.now() + patience; (await ready(first.socket)).length < nodes.length;) {
    if (Date.now() > end) throw new EnginesError("the nodes of the Swarm do not find each other")
    await sleep(50)
  }
}
