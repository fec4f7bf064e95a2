import { compile, modes } from './compile.js'
import {test} from 'vitest'; test('x',()=>{ console.log(compile(['source/entry.ts'], {...modes[2], options: {...modes[2].options, noErrorTruncation: true, lib: ['lib.es2023.d.ts'],exactOptionalPropertyTypes: false}}, ['hybi']).join('\n')) })
