// For `require`: the class is the module, with everything else on it, as on Node.

export { default } from './index.js'
