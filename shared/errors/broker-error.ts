import { type FaultCode, faultCodes } from './codes.ts';

/** A fault of the world, as it travels: the code, a sentence for the operator, and what to do where there is something. */
export interface Fault {
  readonly code: FaultCode;
  readonly message: string;
  readonly hint?: string;
}

/** A fault that is thrown. Refusals by policy are never thrown: they are values with their decision. */
export class BrokerError extends Error {
  readonly code: FaultCode;
  readonly hint: string | undefined;

  /** `detail` completes the table's sentence; `hint` says what the operator can do. */
  constructor(code: FaultCode, detail?: string, options: { hint?: string; cause?: unknown } = {}) {
    super(detail ?? faultCodes[code].text, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'BrokerError';
    this.code = code;
    this.hint = options.hint;
  }
}

const sentenceLengthMax = 1000;

/** What was thrown, as a Fault that can be stored and sent. Anything that is not a BrokerError is an error in Carnet itself. */
export function faultOf(error: unknown): Fault {
  if (error instanceof BrokerError) {
    return {
      code: error.code,
      message: oneLine(error.message),
      ...(error.hint === undefined ? {} : { hint: oneLine(error.hint) }),
    };
  }
  return { code: 'INTERNAL', message: oneLine(error instanceof Error ? error.message : String(error)) };
}

const oneLine = (text: string) =>
  text
    .replaceAll(/\p{Cc}+/gu, ' ')
    .slice(0, sentenceLengthMax)
    .toWellFormed();
