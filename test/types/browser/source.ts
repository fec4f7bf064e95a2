// What is declared by hand for browsers holds for the source: each line names the members where the two differ.
import Source from '../../../src/browser/index.js'
import Declared from '../../../src/types/browser.cjs'
import { equal, type Differing, type Same, type Undeclared } from '../equal.cjs'

type Socket = InstanceType<typeof Source>
equal<Same<Undeclared<Socket, Declared>, never>>(true)
/** They return the connection, of either class. */
type Fluent = 'on' | 'once' | 'off' | 'addListener' | 'removeListener' | 'removeAllListeners'
equal<Same<Differing<Socket, Declared>, Fluent | 'binaryType' | 'readyState'>>(true)
equal<Same<Undeclared<typeof Source, typeof Declared>, never>>(true)
/** Those that throw take no arguments in the source, and their constructors give nothing. */
type OnlyOnNode = 'WebSocketServer' | 'Server' | 'Receiver' | 'Refusal' | 'Sender' | 'PerMessageDeflate'
equal<Same<Differing<typeof Source, typeof Declared>, 'prototype' | 'WebSocket' | 'kernels' | OnlyOnNode>>(true)
