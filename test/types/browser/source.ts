// What is declared by hand for browsers holds for the source: each line names the members where the two differ.
import Source from '../../../src/browser/index.js'
import Declared from '../../../src/types/browser.mjs'
import { equal, type Differing, type Same, type Undeclared } from '../equal.cjs'

/** What is there only to say, by throwing, that it is Node's; and what nobody but the class itself calls. */
type OnlyInSource = 'ping' | 'pong' | 'pause' | 'resume' | 'emit'
equal<Same<Undeclared<Source, Declared>, OnlyInSource>>(true)
/** They return the connection, of either class. */
type Fluent = 'on' | 'once' | 'off' | 'addListener' | 'removeListener' | 'removeAllListeners'
equal<Same<Differing<Source, Declared>, Fluent | 'binaryType' | 'readyState'>>(true)
equal<Same<Undeclared<typeof Source, typeof Declared>, never>>(true)
equal<Same<Differing<typeof Source, typeof Declared>, 'prototype'>>(true)
