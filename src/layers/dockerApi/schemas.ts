import * as Result from "effect/Result"
import * as Schema from "effect/Schema"

/**
 * What an engine answers, as far as it is used: unknown keys are dropped, Go's `null` for an empty list or an absent
 * value is read as such. Follows the Docker Engine API, which Podman speaks too.
 */
const decoder = <S extends Schema.Codec<unknown, unknown>>(
  schema: S
): (input: unknown) => Result.Result<S["Type"], Schema.SchemaError> => {
  // Made when it is first used: most programs use few of them.
  let decode: ((input: unknown) => Result.Result<S["Type"], Schema.SchemaError>) | undefined
  return (input) => (decode ??= Schema.decodeUnknownResult(Schema.toCodecGoJson(schema)))(input)
}

const text = Schema.optionalKey(Schema.String)
const texts = Schema.Array(Schema.String)
const optionalTexts = Schema.optionalKey(Schema.Array(Schema.String))
const map = Schema.Record(Schema.String, Schema.String)
const optionalMap = Schema.optionalKey(map)

/** `GET /version` */
export const version = decoder(
  Schema.Struct({
    version: Schema.String,
    apiVersion: text,
    os: text,
    architecture: text,
    components: Schema.optionalKey(
      Schema.Array(
        Schema.Struct({ name: Schema.String, version: text }).pipe(
          Schema.encodeKeys({ name: "Name", version: "Version" })
        )
      )
    )
  }).pipe(Schema.encodeKeys({
    version: "Version",
    apiVersion: "ApiVersion",
    os: "Os",
    architecture: "Arch",
    components: "Components"
  }))
)

/** `GET /info` */
export const info = decoder(
  Schema.Struct({ security: optionalTexts, cgroupDriver: text, cgroupVersion: text }).pipe(
    Schema.encodeKeys({ security: "SecurityOptions", cgroupDriver: "CgroupDriver", cgroupVersion: "CgroupVersion" })
  )
)

/** `POST /containers/create` */
export const created = decoder(
  Schema.Struct({ id: Schema.String, warnings: Schema.optionalKey(texts) }).pipe(
    Schema.encodeKeys({ id: "Id", warnings: "Warnings" })
  )
)

/** `POST /containers/{id}/wait` */
export const waited = decoder(
  Schema.Struct({
    code: Schema.Int,
    error: Schema.optionalKey(Schema.Struct({ message: text }).pipe(Schema.encodeKeys({ message: "Message" })))
  }).pipe(Schema.encodeKeys({ code: "StatusCode", error: "Error" }))
)

const Port = Schema.Struct({ ip: text, port: text }).pipe(Schema.encodeKeys({ ip: "HostIp", port: "HostPort" }))

const Health = Schema.Struct({
  status: text,
  log: Schema.optionalKey(
    Schema.Array(Schema.Struct({ output: text }).pipe(Schema.encodeKeys({ output: "Output" })))
  )
}).pipe(Schema.encodeKeys({ status: "Status", log: "Log" }))

const State = Schema.Struct({
  status: Schema.String,
  exitCode: Schema.optionalKey(Schema.Int),
  oomKilled: Schema.optionalKey(Schema.Boolean),
  error: text,
  startedAt: text,
  finishedAt: text,
  health: Schema.optionalKey(Health)
}).pipe(Schema.encodeKeys({
  status: "Status",
  exitCode: "ExitCode",
  oomKilled: "OOMKilled",
  error: "Error",
  startedAt: "StartedAt",
  finishedAt: "FinishedAt",
  health: "Health"
}))

const Container = Schema.Struct({
  id: Schema.String,
  name: Schema.String,
  created: Schema.String,
  image: Schema.String,
  restarts: Schema.optionalKey(Schema.Int),
  state: State,
  config: Schema.Struct({ image: Schema.String, tty: Schema.optionalKey(Schema.Boolean), labels: optionalMap }).pipe(
    Schema.encodeKeys({ image: "Image", tty: "Tty", labels: "Labels" })
  ),
  network: Schema.optionalKey(
    Schema.Struct({
      ports: Schema.optionalKey(Schema.Record(Schema.String, Schema.NullOr(Schema.Array(Port))))
    }).pipe(Schema.encodeKeys({ ports: "Ports" }))
  ),
  host: Schema.optionalKey(
    Schema.Struct({
      restart: Schema.optionalKey(Schema.Struct({ name: text }).pipe(Schema.encodeKeys({ name: "Name" })))
    }).pipe(Schema.encodeKeys({ restart: "RestartPolicy" }))
  )
}).pipe(Schema.encodeKeys({
  id: "Id",
  name: "Name",
  created: "Created",
  image: "Image",
  restarts: "RestartCount",
  state: "State",
  config: "Config",
  network: "NetworkSettings",
  host: "HostConfig"
}))

export type Container = typeof Container.Type

/** `GET /containers/{id}/json` */
export const container = decoder(Container)

const ContainerSummary = Schema.Struct({
  id: Schema.String,
  names: texts,
  image: Schema.String,
  imageId: text,
  state: Schema.String,
  created: Schema.Finite,
  labels: map
}).pipe(Schema.encodeKeys({
  id: "Id",
  names: "Names",
  image: "Image",
  imageId: "ImageID",
  state: "State",
  created: "Created",
  labels: "Labels"
}))

/** `GET /containers/json` */
export const containers = decoder(Schema.Array(ContainerSummary))

/** `POST /containers/{id}/exec` */
export const execCreated = decoder(Schema.Struct({ id: Schema.String }).pipe(Schema.encodeKeys({ id: "Id" })))

const Exec = Schema.Struct({
  isRunning: Schema.Boolean,
  exitCode: Schema.optionalKey(Schema.Int),
  pid: Schema.optionalKey(Schema.Int)
}).pipe(Schema.encodeKeys({ isRunning: "Running", exitCode: "ExitCode", pid: "Pid" }))
export type Exec = typeof Exec.Type

/** `GET /exec/{id}/json` */
export const exec = decoder(Exec)

const Image = Schema.Struct({
  id: Schema.String,
  references: texts,
  digests: texts,
  size: Schema.Finite,
  created: text,
  os: text,
  architecture: text,
  config: Schema.optionalKey(
    Schema.Struct({
      env: optionalTexts,
      entrypoint: optionalTexts,
      command: optionalTexts,
      workDir: text,
      user: text,
      labels: optionalMap
    }).pipe(Schema.encodeKeys({
      env: "Env",
      entrypoint: "Entrypoint",
      command: "Cmd",
      workDir: "WorkingDir",
      user: "User",
      labels: "Labels"
    }))
  ),
  metadata: Schema.optionalKey(
    Schema.Struct({ lastTagTime: text }).pipe(Schema.encodeKeys({ lastTagTime: "LastTagTime" }))
  )
}).pipe(Schema.encodeKeys({
  id: "Id",
  references: "RepoTags",
  digests: "RepoDigests",
  size: "Size",
  created: "Created",
  os: "Os",
  architecture: "Architecture",
  config: "Config",
  metadata: "Metadata"
}))

export type Image = typeof Image.Type

/** `GET /images/{name}/json` */
export const image = decoder(Image)

const ImageSummary = Schema.Struct({
  id: Schema.String,
  references: texts,
  digests: texts,
  size: Schema.Finite,
  created: Schema.Finite,
  labels: map
}).pipe(Schema.encodeKeys({
  id: "Id",
  references: "RepoTags",
  digests: "RepoDigests",
  size: "Size",
  created: "Created",
  labels: "Labels"
}))

/** `GET /images/json` */
export const images = decoder(Schema.Array(ImageSummary))

/** `DELETE /images/{name}` */
export const removedImages = decoder(
  Schema.Array(
    Schema.Struct({ untagged: text, deleted: text }).pipe(
      Schema.encodeKeys({ untagged: "Untagged", deleted: "Deleted" })
    )
  )
)

const Message = Schema.Struct({
  status: text,
  id: text,
  progress: Schema.optionalKey(
    Schema.Struct({
      current: Schema.optionalKey(Schema.Finite),
      total: Schema.optionalKey(Schema.Finite),
      /** Absent for bytes. */
      units: text
    })
  ),
  stream: text,
  error: text,
  errorDetail: Schema.optionalKey(Schema.Struct({ message: text, code: Schema.optionalKey(Schema.Int) })),
  aux: Schema.optionalKey(Schema.Unknown)
}).pipe(Schema.encodeKeys({ progress: "progressDetail" }))

export type Message = typeof Message.Type

const anyMessage = decoder(Message)

const amounts = (input: unknown): Message["progress"] | undefined => {
  if (typeof input !== "object" || input === null) return undefined
  for (const key in input) if (key !== "current" && key !== "total") return undefined
  const { current, total } = input as { readonly current?: unknown; readonly total?: unknown }
  if (current === undefined) return total === undefined ? {} : undefined
  return Number.isFinite(current) && (total === undefined || Number.isFinite(total)) ? input : undefined
}

/** What nearly all of the lines of a transfer are; `undefined` for what only the schema can judge. */
const plainMessage = (input: unknown): Message | undefined => {
  if (typeof input !== "object" || input === null) return undefined
  for (const key in input) {
    if (key !== "status" && key !== "id" && key !== "progressDetail" && key !== "progress") return undefined
  }
  const { id, progressDetail, status } = input as Readonly<Record<string, unknown>>
  if (typeof status !== "string" || typeof id !== "string") return undefined
  const progress = amounts(progressDetail)
  return progress === undefined ? undefined : { status, id, progress }
}

/** A line of the answer to a pull, push, build or load. There are thousands of them, and a schema takes its time. */
export const message = (input: unknown): ReturnType<typeof anyMessage> => {
  const plain = plainMessage(input)
  return plain === undefined ? anyMessage(input) : Result.succeed(plain)
}

const Event = Schema.Struct({
  type: Schema.String,
  action: Schema.String,
  actor: Schema.Struct({ id: Schema.String, attributes: optionalMap }).pipe(
    Schema.encodeKeys({ id: "ID", attributes: "Attributes" })
  ),
  time: Schema.Finite,
  timeNano: Schema.optionalKey(Schema.Finite)
}).pipe(Schema.encodeKeys({ type: "Type", action: "Action", actor: "Actor" }))

export type Event = typeof Event.Type

/** A line of `GET /events` */
export const event = decoder(Event)

const bytes = Schema.optionalKey(Schema.Finite)

const Usage = Schema.Struct({
  read: text,
  cpu: Schema.optionalKey(
    Schema.Struct({
      usage: Schema.optionalKey(
        Schema.Struct({ total: bytes }).pipe(Schema.encodeKeys({ total: "total_usage" }))
      )
    }).pipe(Schema.encodeKeys({ usage: "cpu_usage" }))
  ),
  memory: Schema.optionalKey(Schema.Struct({
    usage: bytes,
    limit: bytes,
    stats: Schema.optionalKey(Schema.Record(Schema.String, Schema.Finite))
  })),
  pids: Schema.optionalKey(Schema.Struct({ current: bytes })),
  block: Schema.optionalKey(
    Schema.Struct({
      entries: Schema.optionalKey(Schema.Array(Schema.Struct({ op: Schema.String, value: Schema.Finite })))
    }).pipe(Schema.encodeKeys({ entries: "io_service_bytes_recursive" }))
  ),
  networks: Schema.optionalKey(
    Schema.Record(
      Schema.String,
      Schema.Struct({ received: bytes, sent: bytes }).pipe(
        Schema.encodeKeys({ received: "rx_bytes", sent: "tx_bytes" })
      )
    )
  )
}).pipe(Schema.encodeKeys({ cpu: "cpu_stats", memory: "memory_stats", pids: "pids_stats", block: "blkio_stats" }))

export type Usage = typeof Usage.Type

/** `GET /containers/{id}/stats` */
export const usage = decoder(Usage)

/** What `aux` of a build holds when an image was made. */
export const builtImage = decoder(Schema.Struct({ id: Schema.String }).pipe(Schema.encodeKeys({ id: "ID" })))

/** `POST /networks/create` */
export const networkCreated = decoder(Schema.Struct({ id: Schema.String }).pipe(Schema.encodeKeys({ id: "Id" })))

const Network = Schema.Struct({
  id: Schema.String,
  name: Schema.String,
  created: text,
  driver: Schema.String,
  internal: Schema.optionalKey(Schema.Boolean),
  ipv6: Schema.optionalKey(Schema.Boolean),
  ipam: Schema.optionalKey(
    Schema.Struct({
      config: Schema.optionalKey(
        Schema.Array(Schema.Struct({ subnet: text }).pipe(Schema.encodeKeys({ subnet: "Subnet" })))
      )
    }).pipe(Schema.encodeKeys({ config: "Config" }))
  ),
  labels: optionalMap
}).pipe(Schema.encodeKeys({
  id: "Id",
  name: "Name",
  created: "Created",
  driver: "Driver",
  internal: "Internal",
  ipv6: "EnableIPv6",
  ipam: "IPAM",
  labels: "Labels"
}))

export type Network = typeof Network.Type

/** `GET /networks/{id}` */
export const network = decoder(Network)

/** `GET /networks` */
export const networks = decoder(Schema.Array(Network))

const Volume = Schema.Struct({
  name: Schema.String,
  driver: Schema.String,
  created: text,
  labels: optionalMap
}).pipe(Schema.encodeKeys({ name: "Name", driver: "Driver", created: "CreatedAt", labels: "Labels" }))

export type Volume = typeof Volume.Type

/** `GET /volumes/{name}`, `POST /volumes/create` */
export const volume = decoder(Volume)

/** `GET /volumes` */
export const volumes = decoder(
  Schema.Struct({ volumes: Schema.optionalKey(Schema.Array(Volume)) }).pipe(Schema.encodeKeys({ volumes: "Volumes" }))
)
