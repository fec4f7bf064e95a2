/** Whether two types are one and the same. */
export type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

/** Compiles where the type argument is true. */
export declare function equal<_Holds extends true>(holds: true): void

/** Members of `Declared` that `Source` lacks, or has of a type that is not fit for the declared one. */
export type Differing<Source, Declared> = {
  [Name in keyof Declared]-?: Name extends keyof Source ? (Source[Name] extends Declared[Name] ? never : Name) : Name
}[keyof Declared]

/** Members of `Source` that are not declared, those with a leading underscore and symbols aside. */
export type Undeclared<Source, Declared> = Exclude<keyof Source, keyof Declared | `_${string}` | symbol>
