// The least of a MeterProvider: it prints what is observed when it is told to collect. It stands for an SDK, so that the example needs none.

import { createNoopMeter } from '@opentelemetry/api'

export class PrintingProvider {
  #callbacks = []

  getMeter() {
    const meter = createNoopMeter()
    const create = (name) => ({ name, addCallback() {}, removeCallback() {} })
    return Object.assign(meter, {
      createObservableCounter: create,
      createObservableUpDownCounter: create,
      addBatchObservableCallback: (callback) => this.#callbacks.push(callback)
    })
  }

  collect() {
    const observe = ({ name }, value, attributes = {}) => console.log([name, ...Object.values(attributes), value].join(' '))
    for (const callback of this.#callbacks) callback({ observe })
  }
}
