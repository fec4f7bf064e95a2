// Options of what a connection does by itself. What is the default takes no memory of a connection: it stands on the prototype.

import { kTextType } from '../node/runtime/symbols.js'
import { outOfRange, wrongType } from './option-checks.js'

/** What happens to a message that would make more wait than may. */
export type Overflow = 'terminate' | 'drop'
/** How text is given to listeners of 'message'. */
export type TextType = 'buffer' | 'string'

export interface ConnectionServiceOptions {
  highWaterMark?: number
  maxBufferedAmount?: number
  overflow?: Overflow
  textType?: TextType
}

export const kHighWaterMark = Symbol('hybi.highWaterMark')
export const kMaxBufferedAmount = Symbol('hybi.maxBufferedAmount')
export const kDrops = Symbol('hybi.drops')

/** The options of one connection. */
export interface ServiceSettings {
  /** In octets. */
  [kHighWaterMark]: number
  /** In octets; 0: no bound. */
  [kMaxBufferedAmount]: number
  /** Whether what would pass that bound is dropped; else the connection is. */
  [kDrops]: boolean
  [kTextType]: TextType
}

/** In octets. */
export const DEFAULT_HIGH_WATER_MARK = 64 * 1024

const OVERFLOWS = ['terminate', 'drop']
const TEXT_TYPES = ['buffer', 'string']

export const DEFAULT_SERVICE_SETTINGS: ServiceSettings = {
  [kHighWaterMark]: DEFAULT_HIGH_WATER_MARK,
  [kMaxBufferedAmount]: 0,
  [kDrops]: false,
  [kTextType]: 'buffer'
}

/** @throws {TypeError | RangeError} for a value that is no choice */
export function checkServiceOptions({ highWaterMark, maxBufferedAmount, overflow, textType }: ConnectionServiceOptions): void {
  if (highWaterMark !== undefined) checkLength('highWaterMark', highWaterMark, 1)
  if (maxBufferedAmount !== undefined) checkLength('maxBufferedAmount', maxBufferedAmount, 0)
  if (overflow !== undefined) checkChoice('overflow', overflow, OVERFLOWS)
  if (textType !== undefined) checkChoice('textType', textType, TEXT_TYPES)
}

/** Sets what is not the default. */
export function applyServiceOptions(settings: object, options: ConnectionServiceOptions): void {
  const { highWaterMark, maxBufferedAmount, overflow, textType } = options
  const own = settings as ServiceSettings
  if (highWaterMark !== undefined && highWaterMark !== DEFAULT_HIGH_WATER_MARK) own[kHighWaterMark] = highWaterMark
  if (maxBufferedAmount) own[kMaxBufferedAmount] = maxBufferedAmount
  if (overflow === 'drop') own[kDrops] = true
  if (textType === 'string') own[kTextType] = textType
}

export function isTextType(value: unknown): value is TextType {
  return TEXT_TYPES.includes(value as string)
}

/** A number of octets: an integer of at least `least`, or Infinity. */
function checkLength(name: string, value: unknown, least: number): void {
  if (typeof value !== 'number') return wrongType(name, value, 'a number')
  if (value >= least && (value === Infinity || Number.isInteger(value))) return
  outOfRange(name, value, `an integer of at least ${least}, or Infinity`)
}

function checkChoice(name: string, value: unknown, choices: readonly string[]): void {
  if (!choices.includes(value as string)) wrongType(name, value, `one of ${choices.map((choice) => `"${choice}"`).join(', ')}`)
}
