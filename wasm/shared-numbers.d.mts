export function assemblyScriptOf(text: string, name: string): string
