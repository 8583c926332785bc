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
