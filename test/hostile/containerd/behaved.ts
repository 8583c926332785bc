import { create, fromBinary, toBinary } from "@bufbuild/protobuf"
import { EmptySchema } from "@bufbuild/protobuf/wkt"
import * as Containers from "effect-containers/layers/containerd/protocol/containers_pb"
import * as Content from "effect-containers/layers/containerd/protocol/content_pb"
import * as Images from "effect-containers/layers/containerd/protocol/images_pb"
import * as Introspection from "effect-containers/layers/containerd/protocol/introspection_pb"
import * as Snapshots from "effect-containers/layers/containerd/protocol/snapshots_pb"
import * as Tasks from "effect-containers/layers/containerd/protocol/tasks_pb"
import * as Version from "effect-containers/layers/containerd/protocol/version_pb"
import { closeSync, constants, openSync, writeSync } from "node:fs"
import { join } from "node:path"
import { blobs, target, top } from "./image.ts"
import type { Answer, Script } from "./server.ts"
import { encode, fail, reply } from "./wire.ts"

const empty: Answer = ({ stream }) => reply(stream, encode(EmptySchema, {}))

const mounts: Answer = ({ engine, stream }) =>
  reply(
    stream,
    encode(Snapshots.MountsResponseSchema, {
      mounts: [{ type: "bind", source: join(engine.folder, "rootfs"), target: "", options: ["rbind", "ro"] }]
    })
  )

/** Keeps the container that a request has. */
export const keep: Answer = ({ engine, request, stream }) => {
  const { container } = fromBinary(Containers.CreateContainerRequestSchema, request)
  if (container === undefined) return fail(stream, 3)
  if (engine.containers.has(container.id)) return fail(stream, 6)
  engine.containers.set(container.id, toBinary(Containers.ContainerSchema, container))
  reply(stream, encode(Containers.CreateContainerResponseSchema, { container }))
}

/** A containerd as far as a run needs it: each process writes `hello` and ends well. */
export const wellBehaved: Script = {
  "Version/Version": ({ stream }) => reply(stream, encode(Version.VersionResponseSchema, { version: "2.1.0" })),
  "Introspection/Plugins": ({ stream }) =>
    reply(
      stream,
      encode(Introspection.PluginsResponseSchema, {
        plugins: [{ type: "io.containerd.snapshotter.v1", id: "native", requires: [], exports: {}, capabilities: [] }]
      })
    ),
  "Images/Get": ({ request, stream }) => {
    const { name } = fromBinary(Images.GetImageRequestSchema, request)
    reply(stream, encode(Images.GetImageResponseSchema, { image: { name, labels: {}, target } }))
  },
  "Content/Read": ({ request, stream }) => {
    const blob = blobs.get(fromBinary(Content.ReadContentRequestSchema, request).digest)
    if (blob === undefined) return fail(stream, 5)
    reply(
      stream,
      encode(Content.ReadContentResponseSchema, { offset: 0n, data: blob.subarray(0, 10) }),
      encode(Content.ReadContentResponseSchema, { offset: 10n, data: blob.subarray(10) })
    )
  },
  "Content/Info": ({ request, stream }) => {
    const { digest } = fromBinary(Content.InfoRequestSchema, request)
    const labels = { "containerd.io/gc.ref.snapshot.native": top }
    reply(stream, encode(Content.InfoResponseSchema, { info: { digest, size: 1n, labels } }))
  },
  "Snapshots/Stat": ({ stream }) => reply(stream, encode(Snapshots.StatSnapshotResponseSchema, {})),
  "Snapshots/Prepare": (call) => {
    call.engine.snapshots.add(fromBinary(Snapshots.PrepareSnapshotRequestSchema, call.request).key)
    mounts(call)
  },
  "Snapshots/Mounts": mounts,
  "Snapshots/Remove": (call) => {
    const { key } = fromBinary(Snapshots.RemoveSnapshotRequestSchema, call.request)
    if (call.engine.snapshots.delete(key)) empty(call)
    else fail(call.stream, 5)
  },
  "Containers/Create": keep,
  "Containers/Get": ({ engine, request, stream }) => {
    const bytes = engine.containers.get(fromBinary(Containers.GetContainerRequestSchema, request).id)
    if (bytes === undefined) return fail(stream, 5)
    const container = fromBinary(Containers.ContainerSchema, bytes)
    reply(stream, encode(Containers.GetContainerResponseSchema, { container }))
  },
  "Containers/Update": ({ stream }) => reply(stream, encode(Containers.UpdateContainerResponseSchema, {})),
  "Containers/Delete": (call) => {
    const { id } = fromBinary(Containers.DeleteContainerRequestSchema, call.request)
    if (call.engine.containers.delete(id)) empty(call)
    else fail(call.stream, 5)
  },
  "Tasks/Create": ({ engine, request, stream }) => {
    engine.stdout = fromBinary(Tasks.CreateTaskRequestSchema, request).stdout
    reply(stream, encode(Tasks.CreateTaskResponseSchema, { pid: 1 }))
  },
  "Tasks/Start": ({ engine, stream }) => {
    const fd = openSync(engine.stdout, constants.O_WRONLY | constants.O_NONBLOCK)
    writeSync(fd, "hello")
    closeSync(fd)
    reply(stream, encode(Tasks.StartResponseSchema, { pid: 1 }))
  },
  "Tasks/Wait": ({ stream }) => reply(stream, encode(Tasks.WaitResponseSchema, { exitStatus: 0 })),
  "Tasks/Get": ({ stream }) => fail(stream, 5),
  "Tasks/List": ({ stream }) =>
    reply(stream, toBinary(Tasks.ListTasksResponseSchema, create(Tasks.ListTasksResponseSchema))),
  "Tasks/Metrics": ({ stream }) => reply(stream, encode(Tasks.MetricsResponseSchema, {})),
  "Tasks/Kill": (call) => {
    call.engine.killed()
    empty(call)
  },
  "Tasks/Delete": ({ stream }) => reply(stream, encode(Tasks.DeleteResponseSchema, {}))
}
