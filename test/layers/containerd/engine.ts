export { containerd as restartable, type Engine, versions } from "../../faults/engine.ts"
