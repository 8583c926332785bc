export * as Errors from "./Errors.ts"
export * as ExitStatus from "./ExitStatus.ts"
export * as Output from "./Output.ts"
