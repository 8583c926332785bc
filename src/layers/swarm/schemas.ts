import type * as Result from "effect/Result"
import * as Schema from "effect/Schema"

/** What a manager answers, as far as it is used. */
const decoder = <S extends Schema.Codec<unknown, unknown>>(
  schema: S
): (input: unknown) => Result.Result<S["Type"], Schema.SchemaError> =>
  Schema.decodeUnknownResult(Schema.toCodecGoJson(schema))

const text = Schema.optionalKey(Schema.String)
const whole = Schema.optionalKey(Schema.Int)
const map = Schema.optionalKey(Schema.Record(Schema.String, Schema.String))

/** `GET /info` */
export const info = decoder(
  Schema.Struct({
    swarm: Schema.optionalKey(
      Schema.Struct({
        state: text,
        isManager: Schema.optionalKey(Schema.Boolean),
        node: text,
        nodes: whole
      }).pipe(Schema.encodeKeys({
        state: "LocalNodeState",
        isManager: "ControlAvailable",
        node: "NodeID",
        nodes: "Nodes"
      }))
    )
  }).pipe(Schema.encodeKeys({ swarm: "Swarm" }))
)

const Node = Schema.Struct({
  id: Schema.String,
  description: Schema.optionalKey(
    Schema.Struct({
      host: text,
      platform: Schema.optionalKey(
        Schema.Struct({ os: text, architecture: text }).pipe(
          Schema.encodeKeys({ os: "OS", architecture: "Architecture" })
        )
      ),
      engine: Schema.optionalKey(
        Schema.Struct({
          version: text,
          plugins: Schema.optionalKey(
            Schema.Array(
              Schema.Struct({ type: text, name: text }).pipe(
                Schema.encodeKeys({ type: "Type", name: "Name" })
              )
            )
          )
        }).pipe(Schema.encodeKeys({ version: "EngineVersion", plugins: "Plugins" }))
      )
    }).pipe(Schema.encodeKeys({ host: "Hostname", platform: "Platform", engine: "Engine" }))
  ),
  status: Schema.optionalKey(
    Schema.Struct({ state: text, address: text }).pipe(Schema.encodeKeys({ state: "State", address: "Addr" }))
  ),
  manager: Schema.optionalKey(Schema.Struct({}))
}).pipe(Schema.encodeKeys({ id: "ID", description: "Description", status: "Status", manager: "ManagerStatus" }))

export type Node = typeof Node.Type

/** `GET /nodes` */
export const nodes = decoder(Schema.Array(Node))

/** The answer to the creation of a service, a secret or a config. */
export const created = decoder(Schema.Struct({ id: Schema.String }).pipe(Schema.encodeKeys({ id: "ID" })))

const iteration = Schema.optionalKey(Schema.Struct({ index: whole }).pipe(Schema.encodeKeys({ index: "Index" })))

const SecretReference = Schema.Struct({ id: text, name: text }).pipe(
  Schema.encodeKeys({ id: "SecretID", name: "SecretName" })
)
const ConfigReference = Schema.Struct({ id: text, name: text }).pipe(
  Schema.encodeKeys({ id: "ConfigID", name: "ConfigName" })
)

const ServiceSpec = Schema.Struct({
  name: Schema.String,
  labels: map,
  mode: Schema.optionalKey(
    Schema.Struct({
      job: Schema.optionalKey(Schema.Struct({ total: whole }).pipe(Schema.encodeKeys({ total: "TotalCompletions" })))
    }).pipe(Schema.encodeKeys({ job: "ReplicatedJob" }))
  ),
  task: Schema.Struct({
    container: Schema.Struct({
      tty: Schema.optionalKey(Schema.Boolean),
      secrets: Schema.optionalKey(Schema.Array(SecretReference)),
      configs: Schema.optionalKey(Schema.Array(ConfigReference))
    }).pipe(Schema.encodeKeys({ tty: "TTY", secrets: "Secrets", configs: "Configs" }))
  }).pipe(Schema.encodeKeys({ container: "ContainerSpec" }))
}).pipe(Schema.encodeKeys({ name: "Name", labels: "Labels", mode: "Mode", task: "TaskTemplate" }))

export type ServiceSpec = typeof ServiceSpec.Type

/** `Spec` of a service. It is sent back as it came, so it is kept as it came. */
export const serviceSpec = decoder(ServiceSpec)

const Service = Schema.Struct({
  id: Schema.String,
  version: Schema.Struct({ index: Schema.Int }).pipe(Schema.encodeKeys({ index: "Index" })),
  created: text,
  spec: Schema.Unknown,
  job: Schema.optionalKey(Schema.Struct({ iteration }).pipe(Schema.encodeKeys({ iteration: "JobIteration" })))
}).pipe(
  Schema.encodeKeys({ id: "ID", version: "Version", created: "CreatedAt", spec: "Spec", job: "JobStatus" })
)

export type Service = typeof Service.Type

/** `GET /services/{id}` */
export const service = decoder(Service)

/** `GET /services` */
export const services = decoder(Schema.Array(Service))

const Port = Schema.Struct({
  protocol: text,
  target: whole,
  published: whole
}).pipe(Schema.encodeKeys({ protocol: "Protocol", target: "TargetPort", published: "PublishedPort" }))

const TaskStatus = Schema.Struct({
  time: text,
  state: Schema.String,
  message: text,
  error: text,
  container: Schema.optionalKey(
    Schema.Struct({ id: text, code: whole }).pipe(Schema.encodeKeys({ id: "ContainerID", code: "ExitCode" }))
  ),
  ports: Schema.optionalKey(
    Schema.Struct({ list: Schema.optionalKey(Schema.Array(Port)) }).pipe(Schema.encodeKeys({ list: "Ports" }))
  )
}).pipe(Schema.encodeKeys({
  time: "Timestamp",
  state: "State",
  message: "Message",
  error: "Err",
  container: "ContainerStatus",
  ports: "PortStatus"
}))

const Task = Schema.Struct({
  id: Schema.String,
  created: text,
  service: Schema.String,
  node: text,
  status: TaskStatus,
  desired: text,
  iteration,
  spec: Schema.optionalKey(
    Schema.Struct({
      container: Schema.optionalKey(Schema.Struct({ labels: map }).pipe(Schema.encodeKeys({ labels: "Labels" })))
    }).pipe(Schema.encodeKeys({ container: "ContainerSpec" }))
  )
}).pipe(Schema.encodeKeys({
  id: "ID",
  created: "CreatedAt",
  service: "ServiceID",
  node: "NodeID",
  status: "Status",
  desired: "DesiredState",
  iteration: "JobIteration",
  spec: "Spec"
}))

export type Task = typeof Task.Type

/** `GET /tasks` */
export const tasks = decoder(Schema.Array(Task))
