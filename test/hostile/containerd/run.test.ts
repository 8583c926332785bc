import { fromBinary, toBinary } from "@bufbuild/protobuf"
import { describe } from "@effect/vitest"
import { Container } from "effect-containers"
import * as Containers from "effect-containers/layers/containerd/protocol/containers_pb"
import * as Tasks from "effect-containers/layers/containerd/protocol/tasks_pb"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { hostile, outcome, soon } from "../case.ts"
import * as Use from "../docker/use.ts"
import { keep, wellBehaved } from "./behaved.ts"
import { against, type Answer, type Engine } from "./server.ts"
import { encode, fail, reply } from "./wire.ts"

const left = {
  after: ({ containers, snapshots }: Engine) => `${containers.size} containers and ${snapshots.size} snapshots left`
}

const nothing = "0 containers and 0 snapshots left"

/** Does it, and loses the reply. */
const losing = (answer: Answer): Answer => (call) => {
  const { stream } = call
  answer({ ...call, stream: Object.create(stream, { destroyed: { value: true } }) as typeof stream })
  stream.session?.destroy()
}

describe("containerd, a run", () => {
  hostile("as it should be", `"hello", then exit 0, ${nothing}`, against({}, () => Use.run(), left))
  hostile(
    "whose creation loses its reply",
    `nothing, then ContainerCreate: Unavailable, ${nothing}`,
    against({ "Containers/Create": losing(keep) }, () => Use.run(), left)
  )
  hostile(
    "whose creation is never answered",
    `nothing, then ContainerCreate: TimedOut, ${nothing}`,
    against(
      {
        "Containers/Create": ({ engine, request }) => {
          const { container } = fromBinary(Containers.CreateContainerRequestSchema, request)
          if (container !== undefined) {
            engine.containers.set(
              container.id,
              toBinary(Containers.ContainerSchema, container)
            )
          }
        }
      },
      () => Use.run(),
      { ...left, config: { requestTimeout: 1500 } }
    )
  )
  hostile(
    "whose snapshot cannot be made",
    `nothing, then ContainerCreate: ResourceExhausted, ${nothing}`,
    against(
      {
        "Snapshots/Prepare": ({ stream }) => fail(stream, 2, "write /x: no space left on device: unknown")
      },
      () => Use.run(),
      left
    )
  )
  hostile(
    "while the engine still takes the last task away",
    `"hello", then exit 0, ${nothing}`,
    Effect.suspend(() => {
      let times = 0
      const folder = "/run/containerd/io.containerd.runtime.v2.task/efc/a"
      const there = `mkdir ${folder}: file exists: unknown`
      const started = "failed to start shim: start failed"
      const told = [
        `failed to start shim: ${there}`,
        // Version 2 says it without the first words.
        there,
        `${started}: open shim log pipe: error creating fifo /run/a/log: no such file or directory`,
        `${started}: open shim log pipe: failed to open ${folder}/log with O_PATH: open ${folder}/log: no such file or directory`,
        `failed to start shim: failed to write bundle spec: open ${folder}/config.json: no such file or directory`,
        `${started}: open ${folder}/shim-binary-path: no such file or directory`,
        `${started}: io.containerd.runc.v2: open ${folder}/.address: no such file or directory: exit status 1`,
        `failed to create shim task: mkdir ${folder}/rootfs: no such file or directory`,
        `failed to create shim task: failed to mount rootfs component: mount source: "overlay", target: "${folder}/rootfs", fstype: overlay, flags: 0, data: "index=off", err: no such file or directory`,
        `${started}: : fork/exec /usr/bin/containerd-shim-runc-v2: no such file or directory`,
        `${started}: io.containerd.runc.v2: getwd: no such file or directory: exit status 1`
      ]
      return against(
        {
          "Tasks/Create": (call) =>
            times < told.length
              ? fail(call.stream, 2, told[times++] ?? there)
              : wellBehaved["Tasks/Create"]?.(call)
        },
        () => Use.run(),
        left
      )
    })
  )
  hostile(
    "whose start loses its reply",
    `nothing, then ContainerStart: Unavailable, ${nothing}`,
    against({ "Tasks/Start": ({ stream }) => stream.session?.destroy() }, () => Use.run(), left)
  )
  hostile(
    "whose start is never answered",
    `nothing, then ContainerStart: TimedOut, ${nothing}`,
    against({ "Tasks/Start": () => {} }, () => Use.run(), { ...left, config: { requestTimeout: 1500 } })
  )
  hostile(
    "whose command is not there",
    `nothing, then ContainerStart: NotFound, ${nothing}`,
    against(
      {
        "Tasks/Start": ({ stream }) =>
          fail(stream, 2, "runc create failed: exec: \"nope\": executable file not found in $PATH: unknown")
      },
      () => Use.run(),
      left
    )
  )
  hostile(
    "whose engine goes away while it is waited for, and comes back",
    `"hello", then exit 0, ${nothing}`,
    Effect.suspend(() => {
      let times = 0
      return against(
        {
          "Tasks/Wait": ({ stream }) => {
            if (times++ === 0) stream.session?.destroy()
            else reply(stream, encode(Tasks.WaitResponseSchema, { exitStatus: 0 }))
          }
        },
        () => Use.run(),
        left
      )
    })
  )
  hostile(
    "whose end is told in no message",
    `ContainerWait: Protocol, ${nothing}`,
    Effect.suspend(() => {
      let times = 0
      const garbage = Buffer.from("\x0a\xff\xff\xff\xff")
      return against(
        {
          "Tasks/Wait": ({ stream }) =>
            reply(stream, times++ === 0 ? garbage : encode(Tasks.WaitResponseSchema, { exitStatus: 0 }))
        },
        () => outcome(Container.exitCode(Container.make("alpine"))),
        left
      )
    })
  )

  /** Answered when the process is killed. */
  const untilKilled: Answer = ({ engine, stream }) => {
    const answer = () => reply(stream, encode(Tasks.WaitResponseSchema, { exitStatus: 137 }))
    if (engine.asked.has("Tasks/Kill")) answer()
    else engine.killed = answer
  }
  hostile(
    "whose end is never told, interrupted",
    `interrupted at once, ${nothing}`,
    against({ "Tasks/Wait": untilKilled }, (engine) =>
      Effect.gen(function*() {
        const fiber = yield* Effect.forkChild(Container.run(Container.make("alpine")))
        if (!(yield* soon(() => (engine.asked.get("Tasks/Wait") ?? 0) > 0))) return "never asked"
        yield* Fiber.interrupt(fiber)
        return yield* outcome(Fiber.join(fiber)).pipe(
          Effect.map((how) => how === "interrupted" ? `${how} at once` : how)
        )
      }), left)
  )
})
