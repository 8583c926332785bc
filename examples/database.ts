/**
 * A database as a service: a real PostgreSQL in a container, and a client of it. Whoever asks for `Database` has one that
 * takes queries; the container is started then, and gone when nobody needs it any more.
 */
import { Context, Data, Effect, Redacted } from "effect"
import { Container, Ready } from "effect-containers"
import postgres from "postgres"

/** Made by `scripts/engines/postgres.ts` here; any PostgreSQL's image that takes `POSTGRES_PASSWORD` will do. */
export const image = process.env["POSTGRES_IMAGE"] ?? "postgres:17"

export class QueryFailed extends Data.TaggedError("QueryFailed")<{ readonly cause: unknown }> {
  override get message(): string {
    return this.cause instanceof Error ? this.cause.message : String(this.cause)
  }
}

export class Database extends Context.Service<Database, {
  /** The rows of a query. */
  readonly query: (
    text: string,
    ...values: ReadonlyArray<string | number>
  ) => Effect.Effect<ReadonlyArray<Readonly<Record<string, unknown>>>, QueryFailed>
  /** The container, for who wants to look inside. */
  readonly container: Container.ContainerHandle
}>()("Database") {}

const password = Redacted.make("not for everybody")

/** A client, closed with the scope. */
const connect = ({ host, port }: { readonly host: string; readonly port: number }) =>
  Effect.acquireRelease(
    Effect.sync(() =>
      postgres({ host, port, user: "postgres", password: Redacted.value(password), max: 4, onnotice: () => undefined })
    ),
    (sql) => Effect.promise(() => sql.end({ timeout: 5 }))
  )

/** Ready when it says so itself and a client's tool agrees: while it prepares its files it does not listen. */
export const layer = Container.layer(
  Database,
  Container.make(image).pipe(
    Container.variable("POSTGRES_PASSWORD", password),
    Container.port(5432, { hostIp: "0.0.0.0" }),
    Container.memory("512 MiB"),
    Container.shmSize("128 MiB")
  ),
  {
    ready: Ready.all(
      Ready.log(/database system is ready to accept connections/),
      Ready.exec(["pg_isready", "--host", "127.0.0.1"])
    ),
    within: "1 minute",
    make: Effect.fnUntraced(function*(container) {
      const sql = yield* connect(yield* container.port(5432))
      return {
        container,
        query: (text, ...values) =>
          Effect.tryPromise({ try: () => sql.unsafe(text, [...values]), catch: (cause) => new QueryFailed({ cause }) })
      }
    })
  }
)
