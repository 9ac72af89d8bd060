/** Something the story claims and the machine does not show. */
export class StepFailed extends Error {
  constructor(sentence: string) {
    super(sentence);
    this.name = 'StepFailed';
  }
}

/** Fails the step unless the claim holds. `found` says what was there instead. */
export function expect(holds: boolean, claim: string, found?: string): asserts holds {
  if (!holds) throw new StepFailed(found === undefined ? `not so: ${claim}` : `not so: ${claim}; found ${found}`);
}

/** The value, which has to be there. */
export function need<T>(value: T | undefined | null, claim: string): T {
  if (value === undefined || value === null) throw new StepFailed(`missing: ${claim}`);
  return value;
}
