// The part of the WebAssembly API that is used here. It belongs to the language's embedding, so neither lib ES2023 nor Node's types have it.

declare namespace WebAssembly {
  class Module {
    constructor(octets: Uint8Array)
  }
  class Memory {
    constructor(descriptor: { initial: number; maximum?: number })
    readonly buffer: ArrayBuffer
  }
  class Global {
    readonly value: number
  }
  class Instance {
    constructor(module: Module, imports?: Record<string, Record<string, unknown>>)
    readonly exports: Record<string, unknown>
  }
}
