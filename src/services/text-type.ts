// How text is given to listeners of 'message': what delivers looks at `kTextType`.

import { kTextType } from '../node/runtime/symbols.js'
import { isTextType, type ServiceSettings, type TextType } from './connection-options.js'
import { defineOwn } from './served.js'

/** Members of WebSockets. */
export const textTypeMembers: object & ThisType<ServiceSettings> = {
  get textType(): TextType {
    return this[kTextType]
  },

  /** What is no type of text is a property of the program's own. */
  set textType(type: unknown) {
    if (isTextType(type)) this[kTextType] = type
    else defineOwn(this, 'textType', type)
  }
}
