import {
  create,
  type DescMessage,
  fromBinary,
  type Message,
  type MessageInitShape,
  type MessageShape,
  type MessageValidType,
  toBinary
} from "@bufbuild/protobuf"
import * as NodeStream from "@effect/platform-node-shared/NodeStream"
import * as Grpc from "@grpc/grpc-js"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Errors from "../../Errors.ts"
import { fromCause, reason } from "./errors.ts"

type Field<T> = T extends Message ? Fields<T>
  : T extends Uint8Array | bigint ? T
  : T extends ReadonlyArray<infer A> ? ReadonlyArray<Field<A>>
  : T extends { [key: string]: infer A } ? { readonly [key: string]: Field<A> }
  : T

type Fields<M> = {
  readonly [K in keyof M as Exclude<K, "$typeName" | "$unknown">]: Field<M[K]>
}

/**
 * What a message of this kind needs: every field, and every message inside it that the server would miss. Some servers
 * go down when one is not there.
 */
export type Request<Desc extends DescMessage> = Fields<MessageValidType<Desc>>

/** A method as the generated code describes it. */
export interface Method<Kind extends string, I extends DescMessage, O extends DescMessage> {
  readonly methodKind: Kind
  readonly name: string
  readonly parent: { readonly typeName: string }
  readonly input: I
  readonly output: O
}

export interface CallOptions {
  readonly operation: string
  readonly lease?: string | undefined
  /** Milliseconds, of a stream until its next message; `"none"` for what comes when it comes. */
  readonly deadline?: number | "none" | undefined
  /** Of the request alone. */
  readonly headers?: ReadonlyArray<readonly [name: string, value: string]> | undefined
}

/** A connection to a containerd, seen from one of its namespaces. */
export interface Channel {
  readonly namespace: string
  readonly address: string
  readonly unary: <I extends DescMessage, O extends DescMessage>(
    method: Method<"unary", I, O>,
    request: Request<I>,
    options: CallOptions
  ) => Effect.Effect<MessageShape<O>, Errors.Reason>
  /** Leaving it early cancels the call. */
  readonly stream: <I extends DescMessage, O extends DescMessage>(
    method: Method<"server_streaming", I, O>,
    request: Request<I>,
    options: CallOptions
  ) => Stream.Stream<MessageShape<O>, Errors.Reason>
  /** Cancelled by the scope. What is written is encoded already. */
  readonly duplex: <I extends DescMessage, O extends DescMessage>(
    method: Method<"bidi_streaming", I, O>,
    options: CallOptions
  ) => Effect.Effect<Grpc.ClientDuplexStream<Uint8Array, MessageShape<O>>, Errors.Reason, Scope.Scope>
}

/** The server takes and gives no more: bytes. */
const largest = 16 * 1024 * 1024

const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** The bytes of a message. */
export const encode = <Desc extends DescMessage>(schema: Desc, request: Request<Desc>): Buffer =>
  // A `Request` has all that the generated type of an argument wants, and more; for an open `Desc` that cannot be shown.
  asBuffer(toBinary(schema, create(schema, request as MessageInitShape<Desc>)))

const encoded = (bytes: Uint8Array): Buffer => asBuffer(bytes)

const pathOf = (method: { readonly name: string; readonly parent: { readonly typeName: string } }): string =>
  `/${method.parent.typeName}/${method.name}`

export interface Options {
  /** Absolute path of the socket. */
  readonly socket: string
  readonly namespace: string
  /** Milliseconds within which a call that needs no waiting is answered. */
  readonly requestTimeout: number
  /** What the failure of a call says, where that is not what a containerd would say. */
  readonly failure?: ((operation: string, cause: unknown) => Errors.Reason) | undefined
}

/** Connects when it is first used, and again when the connection was lost. The scope closes it. */
export const make = Effect.fnUntraced(function*(
  { failure = fromCause, namespace, requestTimeout, socket }: Options
): Effect.fn.Return<Channel, never, Scope.Scope> {
  const client = yield* Effect.acquireRelease(
    Effect.sync(() =>
      new Grpc.Client(`unix:${socket}`, Grpc.credentials.createInsecure(), {
        "grpc.max_receive_message_length": largest,
        "grpc.max_send_message_length": largest,
        "grpc.initial_reconnect_backoff_ms": 50,
        "grpc.min_reconnect_backoff_ms": 50,
        "grpc.max_reconnect_backoff_ms": 500,
        "grpc.default_authority": "localhost",
        // Each Layer has a connection of its own, which goes with it.
        "grpc.use_local_subchannel_pool": 1
      })
    ),
    (client) => Effect.sync(() => client.close())
  )
  const metadata = ({ headers = [], lease }: CallOptions): Grpc.Metadata => {
    const metadata = new Grpc.Metadata()
    metadata.set("containerd-namespace", namespace)
    if (lease !== undefined) metadata.set("containerd-lease", lease)
    for (const [name, value] of headers) metadata.add(name, value)
    return metadata
  }
  const callOptions = (deadline: number | "none"): Grpc.CallOptions =>
    deadline === "none" ? {} : { deadline: Date.now() + deadline }

  return {
    namespace,
    address: `unix://${socket}`,
    unary: (method, request, options) =>
      Effect.flatMap(encodedRequest(options.operation, method.input, request), (bytes) =>
        Effect.callback((resume) => {
          const { deadline = requestTimeout, operation } = options
          let call: Grpc.ClientUnaryCall
          try {
            call = client.makeUnaryRequest(
              pathOf(method),
              encoded,
              (bytes) => fromBinary(method.output, bytes),
              bytes,
              metadata(options),
              callOptions(deadline),
              (error, response) => {
                if (error === null && response !== undefined) return resume(Effect.succeed(response))
                resume(Effect.fail(failure(operation, error)))
              }
            )
          } catch (cause) {
            return resume(Effect.fail(closed(operation, cause)))
          }
          return Effect.sync(() => call.cancel())
        })),
    stream: (method, request, options) =>
      Stream.unwrap(
        Effect.map(encodedRequest(options.operation, method.input, request), (bytes) =>
          withPatience(
            options.operation,
            options.deadline ?? requestTimeout,
            fromCall(options.operation, failure, () =>
              client.makeServerStreamRequest(
                pathOf(method),
                encoded,
                (bytes) => fromBinary(method.output, bytes),
                bytes,
                metadata(options),
                {}
              ))
          ))
      ),
    duplex: (method, options) =>
      Effect.acquireRelease(
        opened(options.operation, () => {
          const call = client.makeBidiStreamRequest<Uint8Array, MessageShape<typeof method.output>>(
            pathOf(method),
            encoded,
            (bytes) => fromBinary(method.output, bytes),
            metadata(options),
            {}
          )
          // Whoever uses it listens too; once nobody does any more, its cancellation is no error.
          call.on("error", () => {})
          return call
        }),
        (call) => Effect.sync(() => call.cancel())
      )
  }
})

/** What calls that are made too late end with. */
const closed = (operation: string, cause: unknown): Errors.Reason =>
  reason("Unavailable", {
    operation,
    message: "the connection was closed with its Layer",
    cause
  })

const opened = <A>(operation: string, open: () => A): Effect.Effect<A, Errors.Reason> =>
  Effect.try({ try: open, catch: (cause) => closed(operation, cause) })

/** A text that is no Unicode, or a number out of range, cannot be sent. */
const encodedRequest = <Desc extends DescMessage>(operation: string, schema: Desc, request: Request<Desc>) =>
  Effect.try({
    try: () => encode(schema, request),
    catch: (cause) =>
      reason("InvalidArgument", {
        operation,
        message: `the request cannot be sent: ${cause instanceof Error ? cause.message : String(cause)}`
      })
  })

/** Leaving the stream cancels the call: destroying the readable alone would not. */
const fromCall = <A>(
  operation: string,
  failure: (operation: string, cause: unknown) => Errors.Reason,
  open: () => Grpc.ClientReadableStream<A>
): Stream.Stream<A, Errors.Reason> =>
  Stream.unwrap(Effect.map(
    Effect.acquireRelease(
      opened(operation, () => {
        const call = open()
        // Its cancellation is an error that nobody is to hear of.
        call.on("error", () => {})
        return call
      }),
      (call) => Effect.sync(() => call.cancel())
    ),
    (call) =>
      NodeStream.fromReadable<A, Errors.Reason>({
        evaluate: () => call,
        onError: (cause) => failure(operation, cause),
        closeOnDone: false
      })
  ))

/** Of a server that says no more nobody hears that it is gone. */
const withPatience = <A, E>(
  operation: string,
  deadline: number | "none",
  stream: Stream.Stream<A, E>
): Stream.Stream<A, E | Errors.Reason> =>
  deadline === "none" ? stream : Stream.transformPull(stream, (pull) =>
    Effect.succeed(Effect.timeoutOrElse(pull, {
      duration: deadline,
      orElse: () =>
        Effect.fail(reason("TimedOut", { operation, message: `the engine has said nothing for ${deadline} ms` }))
    })))
