// A queue whose operations take constant time at both ends; `Array#shift` moves a long array each time.

/** Items that were taken and are still in the array, at most, as long as they are less than half of it. */
const SLACK = 1024

export class Fifo<T> {
  private items: T[] = []
  private head = 0

  get length(): number {
    return this.items.length - this.head
  }

  /** The item that is next; undefined if there is none. */
  get first(): T | undefined {
    return this.items[this.head]
  }

  push(item: T): void {
    this.items.push(item)
  }

  /** Takes the item that is next; undefined if there is none. */
  shift(): T | undefined {
    const { items, head } = this
    if (head === items.length) return undefined
    const item = items[head]
    items[head] = undefined as T
    this.head++
    if (this.head === items.length) {
      items.length = this.head = 0
    } else if (this.head >= SLACK && this.head * 2 >= items.length) {
      items.splice(0, this.head)
      this.head = 0
    }
    return item
  }

  /** The item `index` places behind the first. */
  at(index: number): T | undefined {
    return this.items[this.head + index]
  }

  /** Takes all items, in order. */
  clear(): T[] {
    const { items, head } = this
    this.items = []
    this.head = 0
    return items.slice(head)
  }
}
