import { ErrorCode, NatsError } from 'nats';
import { BrokerError } from '../errors/broker-error.ts';
import type { FaultCode } from '../errors/codes.ts';

const codeOf: Readonly<Record<string, FaultCode>> = {
  [ErrorCode.Timeout]: 'BUS_TIMEOUT',
  [ErrorCode.NoResponders]: 'BUS_NO_RESPONDER',
  [ErrorCode.PermissionsViolation]: 'BUS_DENIED',
  [ErrorCode.AuthorizationViolation]: 'BUS_DENIED',
  [ErrorCode.BadAuthentication]: 'BUS_DENIED',
  [ErrorCode.AccountExpired]: 'BUS_DENIED',
  [ErrorCode.MaxPayloadExceeded]: 'MESSAGE_MALFORMED',
};
/** JetStream's number for "wrong last sequence": somebody wrote in between. */
const wrongLastSequence = 10071;

/** What the NATS client threw, as a BrokerError. Codes are compared, never texts. */
export function busFault(error: unknown, what: string): BrokerError {
  if (error instanceof BrokerError) return error;
  if (!(error instanceof NatsError)) {
    return new BrokerError('INTERNAL', `${what}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
  const code = error.api_error?.err_code === wrongLastSequence ? 'BUS_CONFLICT' : codeOf[error.code];
  return new BrokerError(code ?? 'BUS_UNREACHABLE', `${what}: ${error.message}`, { cause: error });
}
