/**
 * The core: no engine is loaded from here. Engines are `effect-containers/layers/*`.
 *
 * @since 0.1.0
 */
export * as Backend from "./Backend.ts"
export * as BuildContext from "./BuildContext.ts"
export * as Capabilities from "./Capabilities.ts"
export * as Container from "./Container.ts"
export type * as ContainerConfig from "./ContainerConfig.ts"
export * as ContainerFileSystem from "./ContainerFileSystem.ts"
export * as ContainerSpawner from "./ContainerSpawner.ts"
export * as Errors from "./Errors.ts"
export * as Events from "./Events.ts"
export * as ExitStatus from "./ExitStatus.ts"
export * as Filter from "./Filter.ts"
export * as Image from "./Image.ts"
export * as Logs from "./Logs.ts"
export * as Network from "./Network.ts"
export * as Output from "./Output.ts"
export * as Owner from "./Owner.ts"
export * as Pipeline from "./Pipeline.ts"
export * as Progress from "./Progress.ts"
export * as Ready from "./Ready.ts"
export * as Reference from "./Reference.ts"
export * as Volume from "./Volume.ts"
