import { Cron } from 'croner';

/** When a job comes due, read from its text. */
export type Schedule =
  | { readonly kind: 'every'; readonly periodMs: number }
  | { readonly kind: 'calendar'; readonly next: (afterMs: number) => number | null };

export type ReadSchedule =
  | { readonly ok: true; readonly schedule: Schedule }
  | { readonly ok: false; readonly problem: string };

const unitMs = { s: 1000, min: 60_000, h: 3_600_000 } as const;
const periodMsMax = 366 * 24 * 3_600_000;

/**
 * Reads `every N s|min|h`, or five or six cron fields (`[second] minute hour day month weekday`, with names, lists, ranges, steps, L
 * and #) in an IANA time zone. Says in one sentence what is wrong with anything else, and with what never comes due
 * after `nowMs`.
 */
export function readSchedule(text: string, timeZone: string, nowMs: number): ReadSchedule {
  const words = text.trim().replace(/\s+/g, ' ');
  if (/^every\b/i.test(words)) return readPeriod(words);
  // A `?` means the moment of reading, so that the same text would be two schedules before and after a restart.
  if (!/^[A-Za-z0-9*,/#-]+(?: [A-Za-z0-9*,/#-]+){4,5}$/.test(words)) {
    return bad(
      `the schedule \`${words}\` is neither \`every N s|min|h\` nor five or six cron fields such as \`30 2 * * *\``,
    );
  }
  try {
    new Intl.DateTimeFormat('en', { timeZone });
  } catch {
    return bad(`\`${timeZone}\` is not a time zone that is known here; take an IANA name such as \`Europe/Berlin\``);
  }
  try {
    // Lists and ranges name times of the day as a single value does. Read so, each comes due once on the night an hour is
    // repeated, and at the first moment after the gap where an hour is left out; a `*` or a step goes by real time.
    const cron = new Cron(words, {
      timezone: timeZone,
      paused: true,
      mode: '5-or-6-parts',
      fixedTimeRule: 'no-wildcard',
    });
    const next = (afterMs: number) => cron.nextRun(new Date(afterMs))?.getTime() ?? null;
    if (next(nowMs) === null) return bad(`the schedule \`${words}\` never comes due`);
    return { ok: true, schedule: { kind: 'calendar', next } };
  } catch (error) {
    const why = (error instanceof Error ? error.message : String(error)).replace(/^CronPattern: /, '');
    return bad(`the schedule \`${words}\` is not one: ${why}`);
  }
}

function readPeriod(words: string): ReadSchedule {
  const [, count, unit] = /^every ([0-9]{1,8}) ?(s|min|h)$/.exec(words) ?? [];
  if (count === undefined)
    return bad(`\`${words}\` is not a period; write \`every 30 s\`, \`every 15 min\` or \`every 6 h\``);
  const periodMs = Number(count) * unitMs[unit as keyof typeof unitMs];
  if (periodMs < 1000 || periodMs > periodMsMax) return bad(`\`${words}\` is not between a second and a year`);
  return { ok: true, schedule: { kind: 'every', periodMs } };
}

const bad = (problem: string): ReadSchedule => ({ ok: false, problem });

/**
 * The first due time after `afterMs`, in ms since the epoch, or null where there is none. A period counts from
 * `anchorMs`, the time the job was added. For every `t` the answer is later than `t`, and grows with it: so a job that
 * remembers up to when it has planned has neither a run twice nor one lost.
 */
export function nextDueMs(schedule: Schedule, anchorMs: number, afterMs: number): number | null {
  if (schedule.kind === 'calendar') return schedule.next(afterMs);
  const periods = Math.floor((afterMs - anchorMs) / schedule.periodMs) + 1;
  return anchorMs + Math.max(periods, 1) * schedule.periodMs;
}

/** The next `count` due times after `afterMs`. */
export function upcomingMs(schedule: Schedule, anchorMs: number, afterMs: number, count: number): number[] {
  const times: number[] = [];
  let at: number | null = afterMs;
  while (times.length < count) {
    at = nextDueMs(schedule, anchorMs, at);
    if (at === null) break;
    times.push(at);
  }
  return times;
}

/** A job as far as planning goes. */
export interface Planned {
  readonly key: string;
  readonly vm: string;
  readonly paused: boolean;
  readonly schedule: Schedule;
  readonly createdAtMs: number;
  /** Every due time up to and with this one was run, or let pass. */
  readonly plannedUntilMs: number;
  /** A run under way, and until when its runner is taken to be alive. */
  readonly open: { readonly aliveUntilMs: number } | null;
}

export interface Plan {
  /** Jobs whose run is to start now, the longest due first: at most one per job and one per VM. */
  readonly start: readonly { readonly key: string; readonly dueAtMs: number }[];
  /** Jobs whose run was left open by a runner that is no more. */
  readonly takeOver: readonly string[];
  /** When to plan again, unless something happens before. */
  readonly wakeAtMs: number | null;
}

/**
 * What to do now. `busyVms` are the VMs this scheduler is saving. However many due times have passed since the job was
 * last looked at, it starts one run: claiming it moves `plannedUntilMs` to now.
 */
export function plan(jobs: readonly Planned[], busyVms: ReadonlySet<string>, nowMs: number): Plan {
  const due: { key: string; vm: string; dueAtMs: number }[] = [];
  const takeOver: string[] = [];
  let wakeAtMs: number | null = null;
  const wakeBy = (atMs: number) => {
    wakeAtMs = wakeAtMs === null ? atMs : Math.min(wakeAtMs, atMs);
  };
  for (const job of jobs) {
    if (job.open !== null) {
      if (job.open.aliveUntilMs > nowMs) wakeBy(job.open.aliveUntilMs);
      else takeOver.push(job.key);
      continue;
    }
    if (job.paused) continue;
    const dueAtMs = nextDueMs(job.schedule, job.createdAtMs, job.plannedUntilMs);
    if (dueAtMs === null) continue;
    if (dueAtMs > nowMs) wakeBy(dueAtMs);
    else due.push({ key: job.key, vm: job.vm, dueAtMs });
  }
  due.sort((a, b) => a.dueAtMs - b.dueAtMs || (a.key < b.key ? -1 : 1));
  const taken = new Set(busyVms);
  const start = [];
  for (const { key, vm, dueAtMs } of due) {
    if (taken.has(vm)) continue;
    taken.add(vm);
    start.push({ key, dueAtMs });
  }
  return { start, takeOver, wakeAtMs };
}
