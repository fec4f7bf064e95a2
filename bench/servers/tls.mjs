// The certificate of every server here that speaks TLS.

import { readFileSync } from 'node:fs'

const at = (name) => new URL(`../../examples/certificates/${name}`, import.meta.url)

export const credentials = () => ({ key: readFileSync(at('key.pem')), cert: readFileSync(at('cert.pem')) })
