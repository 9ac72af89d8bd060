import { verify } from 'node:crypto';
import { decode } from '../codec/codec.ts';
import { BrokerError } from '../errors/broker-error.ts';
import type { FaultCode } from '../errors/codes.ts';
import { limits } from '../limits.ts';
import { describePrincipal, type Principal, samePrincipal } from '../pki/principal.ts';
import type { Trust, Verified } from '../pki/trust.ts';
import { check, type Schema } from '../schema/schema.ts';
import type { Clock } from '../time/clock.ts';
import { type FrameCheck, FrameError, type FrameHeader, type FrameKind, frameForm, headerForm } from './frame-form.ts';
import { digestOf, pss, signedBytes } from './frame-seal.ts';
import type { SeenNonces } from './frame-seen.ts';

/** What a receiver is ready to take. Everything a frame says of itself is compared with it. */
export interface Expected<Body> {
  readonly type: string;
  readonly kind: FrameKind;
  /** Who the frame must be for. */
  readonly receiver: Principal;
  readonly body: Schema<Body>;
  /** The sender token of the subject it came on. */
  readonly subjectSender?: string;
  /** Who it must be from, where only one is expected: the one who was asked. */
  readonly sender?: Principal;
  /** For an answer: the digest of what was asked. */
  readonly previous?: Uint8Array;
}

export interface OpenDependencies {
  readonly trust: Trust;
  readonly clock: Clock;
  readonly seen: SeenNonces;
}

/** A frame that passed every check. */
export interface OpenedFrame<Body> {
  readonly header: FrameHeader;
  readonly body: Body;
  readonly sender: Verified;
  /** Names this frame; answers carry it. */
  readonly digest: Uint8Array;
}

/**
 * Opens a frame that came from the bus. Nothing of it is believed before the check that covers it; the first that fails is
 * thrown as a FrameError with MESSAGE_MALFORMED, MESSAGE_FORGED, MESSAGE_STALE or MESSAGE_MISDIRECTED.
 *
 * Asks and notices are taken once. An answer needs no memory of its own: it is bound to its ask, which waits only once.
 */
export function openFrame<Body>(bytes: Uint8Array, expected: Expected<Body>, by: OpenDependencies): OpenedFrame<Body> {
  const frame = authenticate(bytes, by.trust);
  requireExpected(frame, expected);
  requireFresh(frame, by.clock.nowMs());
  if (frame.header.kind !== 'answer') requireFirst(frame, by);
  return withBody(frame, expected.body);
}

/**
 * Opens a frame that came inside another one: a client's request in the offer of the host that received it. It was addressed
 * to that host, which took it once; here it is checked again in everything but that. Whoever acts on it keeps its digest,
 * so as to act once. `waitMsOf` reads off what was signed how much longer its sender lets it wait, in ms.
 */
export function openEmbedded<Body>(
  bytes: Uint8Array,
  expected: Expected<Body>,
  by: Pick<OpenDependencies, 'trust' | 'clock'>,
  waitMsOf: (body: Body) => number = () => 0,
): OpenedFrame<Body> {
  const frame = authenticate(bytes, by.trust);
  requireExpected(frame, expected);
  const opened = withBody(frame, expected.body);
  requireFresh(frame, by.clock.nowMs(), waitMsOf(opened.body));
  return opened;
}

interface AuthenticFrame {
  readonly header: FrameHeader;
  readonly body: unknown;
  readonly sender: Verified;
  readonly digest: Uint8Array;
}

/** Size, form, certificate, signature, header and sender: afterwards the header is what its sender wrote. */
function authenticate(bytes: Uint8Array, trust: Trust): AuthenticFrame {
  if (bytes.length > limits.frameBytes) {
    throw new FrameError(
      'MESSAGE_MALFORMED',
      'size',
      `a frame has ${bytes.length} bytes, at most ${limits.frameBytes}`,
    );
  }
  const outer = check(frameForm, decoded(bytes, 'form'));
  if (!outer.ok) throw malformed('form', outer.problems);
  const { payload, certificate, signature } = outer.value;
  const sender = verified(trust, certificate);
  if (!verify('sha256', signedBytes(payload), { key: sender.publicKey, ...pss }, signature)) {
    throw new FrameError(
      'MESSAGE_FORGED',
      'signature',
      `the signature is not ${describePrincipal(sender)}'s over this message`,
    );
  }
  const content = decoded(payload, 'header');
  if (typeof content !== 'object' || content === null || !('body' in content)) throw malformed('header', ['no body']);
  const { body, ...rest } = content;
  const header = check(headerForm, rest);
  if (!header.ok) throw malformed('header', header.problems);
  const digest = digestOf(payload);
  if (!samePrincipal(header.value.from, sender)) {
    const named = describePrincipal(header.value.from);
    throw new FrameError(
      'MESSAGE_FORGED',
      'sender',
      `a message from ${named} is signed by ${describePrincipal(sender)}`,
    );
  }
  return { header: header.value, body, sender, digest };
}

function requireExpected<Body>(frame: AuthenticFrame, expected: Expected<Body>): void {
  const { header } = frame;
  const require = (passes: boolean, name: FrameCheck, sentence: string) => {
    if (!passes) throw fault('MESSAGE_MISDIRECTED', name, sentence, frame);
  };
  require(header.type === expected.type, 'type', `a ${header.type} message came where ${expected.type} is expected`);
  require(header.kind === expected.kind, 'kind', `the message is of kind ${header.kind}, not ${expected.kind}`);
  const to = describePrincipal(header.to);
  require(samePrincipal(header.to, expected.receiver), 'receiver', `the message is for ${to}`);
  const from = describePrincipal(header.from);
  const { subjectSender, sender, previous } = expected;
  const onOwnSubject = subjectSender === undefined || header.from.name === subjectSender;
  require(onOwnSubject, 'subject', `a message from ${from} came on a subject of ${subjectSender}`);
  require(sender === undefined || samePrincipal(header.from, sender), 'subject', `${from} answered for another`);
  const isBound = previous === undefined ? header.previous === null : isSame(header.previous, previous);
  require(isBound, 'previous', 'the message answers another one');
}

const isSame = (one: Uint8Array | null, other: Uint8Array) => one !== null && Buffer.compare(one, other) === 0;

function requireFresh(frame: AuthenticFrame, nowMs: number, waitMs = 0): void {
  const { issuedAtMs, expiresAtMs } = frame.header;
  const stale = (sentence: string) => fault('MESSAGE_STALE', 'freshness', sentence, frame);
  if (expiresAtMs <= issuedAtMs || expiresAtMs - issuedAtMs > limits.messageLifetimeMs) {
    throw stale(`the message claims a life of ${expiresAtMs - issuedAtMs} ms`);
  }
  if (issuedAtMs > nowMs + limits.clockSkewMs)
    throw stale(`the message is from ${issuedAtMs - nowMs} ms in the future`);
  const untilMs = expiresAtMs + waitMs;
  if (untilMs < nowMs - limits.clockSkewMs) throw stale(`the message expired ${nowMs - untilMs} ms ago`);
}

function requireFirst(frame: AuthenticFrame, { seen, clock }: OpenDependencies): void {
  const { from, nonce, expiresAtMs } = frame.header;
  const untilMs = expiresAtMs + limits.clockSkewMs;
  const admission = seen.admit({ sender: `${from.role}/${from.name}`, nonce, untilMs }, clock.nowMs());
  if (admission === 'seen') throw fault('MESSAGE_STALE', 'replay', 'the message was seen before', frame);
  if (admission === 'full') {
    throw fault(
      'MESSAGE_STALE',
      'replay',
      `${describePrincipal(from)} sent more messages than can be told apart`,
      frame,
    );
  }
}

function withBody<Body>(frame: AuthenticFrame, schema: Schema<Body>): OpenedFrame<Body> {
  const checked = check(schema, frame.body);
  if (!checked.ok) throw malformed('body', checked.problems, frame);
  return { ...frame, body: checked.value as Body };
}

function verified(trust: Trust, certificate: Uint8Array): Verified {
  try {
    return trust.verify(certificate);
  } catch (error) {
    if (!(error instanceof BrokerError)) throw error;
    throw new FrameError(error.code, 'certificate', error.message);
  }
}

function decoded(bytes: Uint8Array, name: FrameCheck): unknown {
  try {
    return decode(bytes, limits.frameBytes);
  } catch (error) {
    if (!(error instanceof BrokerError)) throw error;
    throw new FrameError(error.code, name, error.message);
  }
}

const fault = (code: FaultCode, name: FrameCheck, sentence: string, frame: AuthenticFrame) =>
  new FrameError(code, name, sentence, { sender: frame.sender, digest: frame.digest });
const malformed = (name: FrameCheck, problems: readonly string[], frame?: AuthenticFrame) =>
  new FrameError(
    'MESSAGE_MALFORMED',
    name,
    `the ${name} of a message does not have its form: ${problems.slice(0, 5).join('; ')}`,
    frame === undefined ? undefined : { sender: frame.sender, digest: frame.digest },
  );
