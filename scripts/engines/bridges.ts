/**
 * The bridges that clients of a containerd put containers on. They are in this machine's network, where nothing goes by
 * itself: the link, and the firewall's rules of containers that were killed.
 */
import { execFile } from "node:child_process"
import { createHash } from "node:crypto"
import { existsSync, readdirSync } from "node:fs"
import { promisify } from "node:util"
import { script, suite } from "./home.ts"
import { commonSuite, names } from "./table.ts"

export interface Bridge {
  /** Name of the link. */
  readonly bridge: string
  readonly subnet: string
  /** Of what networks that a client makes get their subnets. */
  readonly pool: string
}

/** That of one engine: from its name alone, so that whoever clears up knows it. */
export const bridgeOf = (instance: string, name: string): Bridge => {
  const hash = createHash("sha256").update(`${instance}/${name}`).digest()
  return {
    bridge: `efb-${hash.toString("hex", 0, 4)}`,
    subnet: `10.${64 + hash.readUInt8(0) % 64}.${hash.readUInt8(1)}.0/24`,
    pool: `10.${128 + hash.readUInt8(2) % 32}.0.0/16`
  }
}

/** Also by their other names. */
const of = (instance: string): ReadonlyArray<Bridge> => names.map((name) => bridgeOf(instance, name))

const run = promisify(execFile)

/** How all links of one engine's client begin: those of networks that it makes have three more letters. */
const beginning = ({ bridge }: Bridge): string => bridge.slice(0, 11)

const begins = (bridges: ReadonlyArray<Bridge>) => {
  const mine = new Set(bridges.map(beginning))
  return (link: string): boolean => mine.has(link.slice(0, 11))
}

const isLink = (name: string): boolean => /^efb-[0-9a-f]{7}(?:[0-9a-f]|-[0-9a-z]{3})$/.test(name)

const links = (): ReadonlyArray<string> =>
  existsSync("/sys/class/net") ? readdirSync("/sys/class/net").filter(isLink) : []

/** Links for which this machine has rules of its own, whether they are there or not. */
const ruled = async (): Promise<ReadonlyArray<string>> => {
  const { stdout } = await run("ip", ["rule"]).catch(() => ({ stdout: "" }))
  return [...stdout.matchAll(/\biif (\S+)/g)].flatMap(([, name = ""]) => isLink(name) ? [name] : [])
}

/** Those that belong to nobody who lives. */
export const unheldBridges = async (living: ReadonlyArray<string>): Promise<ReadonlyArray<string>> => {
  const isHeld = begins(living.flatMap(of))
  return [...new Set([...links(), ...await ruled()])].filter((name) => !isHeld(name))
}

/** Runs a suite's program in this machine's network. */
const inSuite = async (tree: string, ...command: ReadonlyArray<string>): Promise<string> => {
  const args = ["--mount", "--propagation", "private", "bash", script("inside.sh"), "programs", tree, ...command]
  return (await run("unshare", args, { maxBuffer: 1 << 26 })).stdout
}

/** Programs of the suite that all share, run on this machine. */
export const onMachine = async (...command: ReadonlyArray<string>): Promise<string> =>
  inSuite(await suite(commonSuite), ...command)

interface Rule {
  readonly table: string
  /** As it was added. */
  readonly text: string
  readonly chain: string | undefined
}

/** What iptables-save wrote. */
const parse = (saved: string): ReadonlyArray<Rule> => {
  const rules: Array<Rule> = []
  let table = ""
  for (const line of saved.split("\n")) {
    if (line.startsWith("*")) table = line.slice(1)
    if (line.startsWith("-A ")) rules.push({ table, text: line.slice(3), chain: / -j (CNI-\S+)$/.exec(line)?.[1] })
  }
  return rules
}

/** A container's own chain. */
const isContainers = (chain = ""): boolean => /^CNI-(?:[0-9a-f]{24}|DN-[0-9a-f]{21})$/.test(chain)

const iptables = async (tree: string, table: string, command: string): Promise<void> => {
  // A rule is written as a shell would take it. One that is gone is as well.
  await inSuite(tree, "bash", "-c", `iptables -w -t ${table} ${command}`).catch(() => "")
}

const removeChain = async (tree: string, table: string, chain: string): Promise<void> => {
  await iptables(tree, table, `-F ${chain}`)
  await iptables(tree, table, `-X ${chain}`)
}

/** Takes away the rules of containers that were killed. */
const removeRules = async (tree: string, instance: string): Promise<void> => {
  const addresses = of(instance).flatMap(({ pool, subnet }) => [
    ` ${subnet.replace(/0\/24$/, "")}`,
    ` ${pool.replace(/0\.0\/16$/, "")}`
  ])
  for (const { chain, table, text } of parse(await inSuite(tree, "iptables-save"))) {
    const isMine = text.includes(`id: \\"efc-${instance}-`) && isContainers(chain)
    if (!isMine && !(text.startsWith("CNI-FORWARD ") && addresses.some((part) => text.includes(part)))) continue
    await iptables(tree, table, `-D ${text}`)
    if (isMine && chain !== undefined) await removeChain(tree, table, chain)
  }
}

const common = [
  ["nat", ["CNI-HOSTPORT-DNAT", "CNI-HOSTPORT-MASQ", "CNI-HOSTPORT-SETMARK"]],
  ["filter", ["CNI-FORWARD", "CNI-ADMIN"]]
] as const

/** The chains in which containers' rules are, if there are none; plugins make them again. */
const removeCommon = async (tree: string): Promise<void> => {
  const rules = parse(await inSuite(tree, "iptables-save"))
  const isUsed = ({ chain, text }: Rule) => isContainers(chain) || /^CNI-(?:FORWARD|ADMIN) .*-j ACCEPT$/.test(text)
  if (rules.some(isUsed)) return
  for (const [table, chains] of common) {
    for (const { chain, table: of, text } of rules) {
      if (of === table && chains.some((name) => name === chain)) await iptables(tree, table, `-D ${text}`)
    }
    for (const chain of chains) await removeChain(tree, table, chain)
  }
}

/** Removes the bridges of an instance that is no more, and what plugins made for its containers. */
export const removeBridges = async (instance: string): Promise<void> => {
  const isMine = begins(of(instance))
  for (const name of (await ruled()).filter(isMine)) {
    await run("ip", ["rule", "delete", "iif", name]).catch(() => "")
  }
  const found = links().filter(isMine)
  if (found.length === 0) return
  const tree = await suite(commonSuite)
  await removeRules(tree, instance)
  for (const name of found) await inSuite(tree, "ip", "link", "del", name).catch(() => "")
  if (links().length === 0) await removeCommon(tree)
}
