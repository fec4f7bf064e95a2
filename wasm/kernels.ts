// Entry of the kernels module. Small functions are not marked for inlining: at -O3 they all are inlined as it is.

export { mask } from './mask'
export {
  ARENA,
  ARENA_SIZE,
  MEMORY_PAGES,
  RECEIVE,
  RECEIVE_SIZE,
  SCAN_RESULT,
  SCRATCH,
  SCRATCH_SIZE,
  TABLE,
  TEXT,
  TEXT_SIZE
} from './memory'
export { scan } from './scan'
export { toUtf16 } from './utf16'
export { hasNonAscii, maskValidate, validate } from './utf8'
