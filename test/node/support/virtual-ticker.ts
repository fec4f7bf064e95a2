// The ticker of this process in virtual time: to be imported before anything is watched.

import { Ticker } from '../../../src/services/ticker.js'
import { VirtualTime } from '../../services/support.js'

export const time = new VirtualTime()

Object.defineProperty(process, Symbol.for('hybi.ticker.1'), { configurable: true, value: { value: new Ticker(time) } })
