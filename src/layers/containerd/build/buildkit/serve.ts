import { type DescMessage, fromBinary, type MessageShape } from "@bufbuild/protobuf"
import * as NodeStream from "@effect/platform-node-shared/NodeStream"
import * as Grpc from "@grpc/grpc-js"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Duplex } from "node:stream"
import type * as Errors from "../../../../Errors.ts"
import { encode, type Method, type Request } from "../../channel.ts"
import { fromCause, reason } from "../../errors.ts"

const operation = "build"

/** A call that is answered here. */
export interface Asked<I extends DescMessage, O extends DescMessage> {
  /** The value of a header, and nothing when there is none. */
  readonly header: (name: string) => string | undefined
  readonly messages: Stream.Stream<MessageShape<I>, Errors.Reason>
  /** Waits until the other side takes it. */
  readonly answer: (message: Request<O>) => Effect.Effect<void>
}

type Duplexed = Grpc.ServerDuplexStream<Uint8Array, Uint8Array>

/** A method and how it is answered. */
export interface Served {
  readonly path: string
  readonly handle: (call: Duplexed) => Effect.Effect<void, Errors.Reason>
}

/** On the wire, a method without streams is one whose streams have one message. */
export const method = <I extends DescMessage, O extends DescMessage>(
  { input, name, output, parent }: Method<string, I, O>,
  handle: (asked: Asked<I, O>) => Effect.Effect<void, Errors.Reason>
): Served => ({
  path: `/${parent.typeName}/${name}`,
  handle: (call) =>
    handle({
      header: (name) => call.metadata.get(name)[0]?.toString(),
      messages: Stream.map(
        NodeStream.fromReadable<Uint8Array, Errors.Reason>({
          evaluate: () => call,
          onError: (cause) => fromCause(operation, cause),
          closeOnDone: false
        }),
        (bytes) => fromBinary(input, bytes)
      ),
      answer: (message) =>
        Effect.callback((resume) => void call.write(encode(output, message), () => resume(Effect.void)))
    })
})

/** {@link method} of one question and one answer. */
export const unary = <I extends DescMessage, O extends DescMessage>(
  of: Method<"unary", I, O>,
  respond: (
    request: MessageShape<I>,
    asked: Pick<Asked<I, O>, "header">
  ) => Effect.Effect<Request<O>, Errors.Reason>
): Served =>
  method(of, (asked) =>
    Stream.take(asked.messages, 1).pipe(
      Stream.runForEach((request) => Effect.flatMap(respond(request, asked), asked.answer))
    ))

const codes: Readonly<Partial<Record<Errors.Reason["_tag"], Grpc.status>>> = {
  NotFound: Grpc.status.NOT_FOUND,
  InvalidArgument: Grpc.status.INVALID_ARGUMENT,
  Unavailable: Grpc.status.UNAVAILABLE,
  PermissionDenied: Grpc.status.PERMISSION_DENIED,
  Unsupported: Grpc.status.UNIMPLEMENTED
}

/** The other side takes and gives no more: bytes. */
const largest = 16 * 1024 * 1024

const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** Answers on a connection that is there already, until the scope closes. */
export const serve = Effect.fnUntraced(function*(
  connection: Duplex,
  served: ReadonlyArray<Served>
): Effect.fn.Return<void, never, Scope.Scope> {
  const run = yield* FiberSet.makeRuntime<never, void>()
  const server = new Grpc.Server({
    "grpc.max_receive_message_length": largest,
    "grpc.max_send_message_length": largest,
    "grpc.enable_channelz": 0
  })
  const definition: Record<string, Grpc.MethodDefinition<Uint8Array, Uint8Array>> = {}
  const implementation: Record<string, Grpc.handleBidiStreamingCall<Uint8Array, Uint8Array>> = {}
  for (const { handle, path } of served) {
    definition[path] = {
      path,
      requestStream: true,
      responseStream: true,
      requestSerialize: asBuffer,
      requestDeserialize: (bytes) => bytes,
      responseSerialize: asBuffer,
      responseDeserialize: (bytes) => bytes
    }
    implementation[path] = (call) => {
      // What is wrong with the connection shows where it is read and written.
      call.on("error", () => {})
      const fiber = run(
        handle(call).pipe(
          Effect.catchDefect((defect) =>
            Effect.fail(reason("Internal", { operation, message: String(defect), cause: defect }))
          ),
          Effect.matchEffect({
            onSuccess: () => Effect.sync(() => void call.end()),
            onFailure: ({ _tag, message }) =>
              Effect.sync(() =>
                void call.emit("error", {
                  code: codes[_tag] ?? Grpc.status.INTERNAL,
                  details: message,
                  name: _tag,
                  message
                })
              )
          })
        )
      )
      call.on("cancelled", () => fiber.interruptUnsafe())
    }
  }
  server.addService(definition, implementation)
  yield* Effect.acquireRelease(
    Effect.sync(() => {
      const injector = server.createConnectionInjector(Grpc.ServerCredentials.createInsecure())
      injector.injectConnection(connection)
      return injector
    }),
    (injector) =>
      Effect.sync(() => {
        connection.destroy()
        injector.destroy()
        server.forceShutdown()
      })
  )
})
