import type { Span, Statement } from '../language/ast.ts';
import type { Build, Handlers, Target } from './builder.ts';

/** How many labelled ranges there may be: each is compared with those of its kind before it. */
const rangesMax = 5_000;
export const UINT32_MAX = 0xffff_ffffn;

/** The handlers, and an error where the policy is for another kind of system. */
export function only(target: Target, handlers: Handlers): Handlers {
  type Any = (build: Build, statement: Statement, number: number) => void;
  const guarded = Object.entries(handlers as Record<string, Any>).map(([kind, handle]): [string, Any] => [
    kind,
    (build, statement, number) => {
      if (build.target === target) return handle(build, statement, number);
      const hint = `remove it, or compile the policy for ${target}`;
      build.report.error(statement, `\`${kind}\` does not go into a policy for ${build.target}`, { hint });
    },
  ]);
  return Object.fromEntries(guarded) as Handlers;
}

export function fits(build: Build, span: Span, number: number): void {
  if (number > Number(UINT32_MAX))
    build.report.error(span, `${number} is too large`, { hint: `the limit is ${UINT32_MAX}` });
}

export function labelOnce(build: Build, span: Span, key: string, name: string): void {
  if (build.pending.labels.has(key))
    build.report.error(span, `\`${name}\` is labelled twice`, { name, hint: 'remove one of the statements' });
  build.pending.labels.add(key);
}

interface NumberRange {
  readonly low: bigint;
  readonly high: bigint;
}
interface RangeLabel extends NumberRange {
  readonly kind: string;
  readonly max: bigint;
  /** True when an earlier range does not let this one be. */
  readonly clash: (earlier: NumberRange, range: NumberRange) => boolean;
}

/** A range that an earlier one covers would never be found. */
export function covers(earlier: NumberRange, { low, high }: NumberRange): boolean {
  return earlier.low <= low && earlier.high >= high;
}

export function overlaps(earlier: NumberRange, { low, high }: NumberRange): boolean {
  return earlier.low <= high && earlier.high >= low;
}

export function addRange(build: Build, span: Span, { kind, low, high, max, clash }: RangeLabel): void {
  if (low > high || high > max) {
    build.report.error(span, `${low} - ${high} is no range`, { hint: `write the lower number first, up to ${max}` });
    return;
  }
  const ranges = build.pending.ranges.get(kind) ?? [];
  build.pending.ranges.set(kind, ranges);
  const earlier = ranges.find((one) => clash(one, { low, high }));
  if (earlier !== undefined) {
    const hint = `${earlier.low} - ${earlier.high} is labelled before it; put it first, or remove it`;
    build.report.error(span, `the entry for ${low} - ${high} is hidden`, { hint });
  } else if (build.pending.rangeCount >= rangesMax) {
    build.report.error(span, 'too many entries', { hint: `the limit is ${rangesMax}` });
  } else {
    ranges.push({ low, high });
    build.pending.rangeCount++;
  }
}
