import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { createHash } from "node:crypto"
import * as ExitStatus from "../../ExitStatus.ts"

const Port = Schema.Struct({
  containerPort: Schema.Finite,
  protocol: Schema.Literals(["tcp", "udp"]),
  hostIp: Schema.String,
  hostPort: Schema.Finite
})

/** The networks that plugins connect it to, each time that it starts. */
const Connected = Schema.Struct({
  networks: Schema.NonEmptyArray(Schema.Struct({
    name: Schema.String,
    /** By which others in it know the container, besides its name. */
    aliases: Schema.Array(Schema.String)
  })),
  /** By which it knows itself. */
  hostname: Schema.String,
  /** What else it knows the addresses of. */
  hosts: Schema.optionalKey(Schema.Array(Schema.Struct({ name: Schema.String, address: Schema.String }))),
  /** By which it knows this machine. */
  hostAccess: Schema.optionalKey(Schema.String),
  /** As they were asked for. */
  ports: Schema.Array(Port)
})

export type Connected = typeof Connected.Type

/**
 * What we keep with a container in containerd: a record that does not change, and labels for what does.
 */
export const Record = Schema.Struct({
  name: Schema.String,
  /** As it was asked for. */
  image: Schema.String,
  tty: Schema.Boolean,
  stdin: Schema.Boolean,
  stopSignal: Schema.String,
  connected: Schema.optionalKey(Connected),
  /** The names of those that outlive it. */
  volumes: Schema.optionalKey(Schema.Array(Schema.String)),
  /** Variables, directory and user, for further processes: those that are secret are in the specification as well. */
  user: Schema.Struct({ uid: Schema.Finite, gid: Schema.Finite, additionalGids: Schema.Array(Schema.Finite) })
})

export type Record = typeof Record.Type

/** The key of the extension in which the record is. */
export const extension = "effect-containers"

const RecordJson = Schema.fromJsonString(Record)
const decodeRecord = Schema.decodeUnknownResult(RecordJson)
const encodeRecord = Schema.encodeSync(RecordJson)

export const encode = (record: Record): Uint8Array => new TextEncoder().encode(encodeRecord(record))

/** `undefined`: not a container of ours. */
export const decode = (bytes: Uint8Array | undefined): Record | undefined => {
  if (bytes === undefined) return undefined
  const result = decodeRecord(new TextDecoder().decode(bytes))
  return Result.isSuccess(result) ? result.success : undefined
}

/** The key of the extension in which the ports are that its process has: a label has too little space. */
export const portsExtension = "effect-containers-ports"

const Ports = Schema.fromJsonString(Schema.Array(Port))
const decodePortsJson = Schema.decodeUnknownResult(Ports)
const encodePortsJson = Schema.encodeSync(Ports)

export const encodePorts = (ports: ReadonlyArray<typeof Port.Type>): Uint8Array =>
  new TextEncoder().encode(encodePortsJson(ports))

export const decodePorts = (bytes: Uint8Array | undefined): ReadonlyArray<typeof Port.Type> =>
  bytes === undefined ? [] : Result.getOrElse(decodePortsJson(new TextDecoder().decode(bytes)), () => [])

/** Labels that users do not see. */
export const labels = {
  image: "effect-containers.image",
  started: "effect-containers.started",
  exit: "effect-containers.exit"
} as const

const hidden = new Set<string>(Object.values(labels))

export const visible = (all: Readonly<globalThis.Record<string, string>>): globalThis.Record<string, string> =>
  Object.fromEntries(Object.entries(all).filter(([key]) => !hidden.has(key) && !key.startsWith("containerd.io/")))

const Exit = Schema.fromJsonString(Schema.Struct({ status: ExitStatus.ExitStatus, at: Schema.Finite }))
const decodeExitJson = Schema.decodeUnknownResult(Exit)
const encodeExitJson = Schema.encodeSync(Exit)

/** How and when it ended. */
export interface Ended {
  readonly status: ExitStatus.ExitStatus
  /** Milliseconds since the epoch. */
  readonly at: number
}

export const encodeExit = (ended: Ended): string => encodeExitJson(ended)

export const decodeExit = (label: string | undefined): Ended | undefined => {
  if (label === undefined || label === "") return undefined
  const result = decodeExitJson(label)
  return Result.isSuccess(result) ? result.success : undefined
}

/** What containerd takes for an identifier. */
const identifier = /^(?=.{1,76}$)[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*$/

/**
 * The id of the container of a name: containerd has no names, so the name is the id, and is as unique. A name that is no
 * identifier there stands behind one that is.
 */
export const idOf = (name: string): string =>
  identifier.test(name) ? name : `n-${createHash("sha256").update(name).digest("hex").slice(0, 40)}`
