/** What the benches use of packages that are installed outside of the repository. */

declare module "@docker/node-sdk" {
  import type { Writable } from "node:stream"
  interface Sink {
    write(chunk: Uint8Array): boolean
  }
  export const demultiplexStream: (stdout: Sink, stderr: Sink) => Writable
  export class DockerClient {
    static fromDockerHost(host: string): Promise<DockerClient>
    containerCreate(spec: object): Promise<{ readonly Id: string }>
    containerAttach(id: string, stdout: Writable, stderr: Writable | null, options: object): Promise<void>
    containerLogs(id: string, stdout: Writable, stderr: Writable | null, options: object): Promise<void>
    containerStart(id: string): Promise<void>
    containerWait(id: string): Promise<{ readonly StatusCode: number }>
    containerDelete(id: string, options: object): Promise<void>
    imageBuild(context: ReadableStream, options: object): { wait(): Promise<unknown> }
    close(): Promise<void>
  }
}

declare module "dockerode" {
  import type { Writable } from "node:stream"
  interface Container {
    readonly modem: Modem
    attach(options: object): Promise<NodeJS.ReadWriteStream>
    start(): Promise<unknown>
    wait(): Promise<unknown>
    remove(options: object): Promise<unknown>
  }
  interface Sink {
    write(chunk: Uint8Array): boolean
  }
  interface Modem {
    demuxStream(stream: NodeJS.EventEmitter, stdout: Sink, stderr: Sink): void
    followProgress(
      stream: NodeJS.ReadableStream,
      ended: (error: unknown) => void,
      progress: (event: unknown) => void
    ): void
  }
  export default class Dockerode {
    readonly modem: Modem
    constructor(options: { readonly socketPath: string })
    createContainer(options: object): Promise<Container>
    pull(name: string): Promise<NodeJS.ReadableStream>
    buildImage(context: NodeJS.ReadableStream, options: object): Promise<NodeJS.ReadableStream>
  }
}

declare module "testcontainers" {
  import type { Readable } from "node:stream"
  interface Started {
    logs(): Promise<Readable>
    stop(): Promise<unknown>
  }
  export const Wait: { forOneShotStartup(): object }
  export class GenericContainer {
    static fromDockerfile(folder: string): { build(name: string, options: object): Promise<GenericContainer> }
    constructor(image: string)
    withCommand(command: ReadonlyArray<string>): this
    withWaitStrategy(strategy: object): this
    start(): Promise<Started>
  }
}

declare module "tar-fs" {
  import type { Readable } from "node:stream"
  export const pack: (folder: string) => Readable
}
