/** Writes what was seen, as a line. */
export function say(what: string, value: unknown): void {
  console.log(JSON.stringify([what, value]));
}

/** The code, or else the name, of what a call throws; `answers` when it throws nothing. */
export function codeOf(call: () => unknown): string {
  try {
    call();
    return 'answers';
  } catch (error) {
    const { code, name } = error as { code?: string; name: string };
    return code ?? name;
  }
}
