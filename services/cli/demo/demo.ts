import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { faultOf } from '../../../shared/errors/broker-error.ts';
import type { Client } from '../client/client.ts';
import { connectClient } from '../client/connect.ts';
import { fleetDown } from '../fleet/down.ts';
import { cacheFolder, placeGuest } from '../fleet/guest-files.ts';
import { layoutOf } from '../fleet/layout.ts';
import { fleetUp } from '../fleet/up.ts';
import { ensureGuest } from '../guest/make-guest.ts';
import type { Sink } from '../io.ts';
import type { Ending } from '../render/fault.ts';
import { styleFor } from '../render/style.ts';
import type { Session } from '../session.ts';
import type { Stage } from './stage.ts';
import type { Step } from './step.ts';
import { start } from './steps/1-start.ts';
import { migrate } from './steps/2-migrate.ts';
import { refuse } from './steps/3-refused.ts';
import { checkpoint } from './steps/4-checkpoint.ts';
import { restore } from './steps/5-restore.ts';
import { tampered } from './steps/6-tampered.ts';
import { jobs } from './steps/7-job.ts';
import { reload } from './steps/8-reload.ts';
import { createStory, type StepResult, type Story } from './story.ts';

/** Plays the story in a fleet of its own. Everything it started is ended again, whatever happens. */
export async function runDemo(session: Session, options: { keep: boolean }): Promise<Ending | undefined> {
  const { io } = session;
  const machine = session.format !== 'table';
  // With a machine reading stdout, people can still watch on stderr.
  const out: Sink = session.options.quiet === true ? { write() {} } : machine ? io.stderr : io.stdout;
  const story = createStory(out, styleFor(out, io.env));
  const abort = new AbortController();
  const stopListening = io.onInterrupt(() => abort.abort());
  // Short: unix sockets have paths of at most 107 bytes, and go some folders below this one.
  const root = mkdtempSync(join(tmpdir(), 'carnet-demo-'));
  try {
    const results = await play(io.env, root, story, abort.signal);
    story.table(results);
    const ok = results.every((result) => result.ok);
    if (machine) session.print(`${JSON.stringify({ ok, steps: results.map(jsonOf) })}\n`);
    if (abort.signal.aborted) return { is: 'no', status: 130 };
    return ok ? undefined : { is: 'no', status: 1 };
  } finally {
    if (existsSync(layoutOf(root).marker)) {
      await fleetDown(root, { force: true, remove: !options.keep }).catch((error: unknown) => {
        story.failed(`the fleet in ${root} could not be stopped: ${faultOf(error).message}`);
      });
    }
    if (options.keep) story.note(`everything is kept in ${root}`);
    else rmSync(root, { recursive: true, force: true });
    stopListening();
  }
}

const jsonOf = ({ name, ok, ms, figures, summary }: StepResult) => ({
  name,
  ok,
  ms: Math.round(ms),
  ...figures,
  ...(ok ? {} : { problem: summary }),
});

async function play(env: Session['io']['env'], root: string, story: Story, signal: AbortSignal): Promise<StepResult[]> {
  story.title('Carnet: one VM, three hosts, and what policy has to say');
  const clients: Client[] = [];
  const results: StepResult[] = [];
  const record = async (step: Pick<Step, 'name' | 'title'>, run: () => ReturnType<Step['run']>) => {
    const startedMs = performance.now();
    let outcome: Pick<StepResult, 'ok' | 'summary' | 'figures'>;
    try {
      outcome = { ok: true, ...(await run()) };
    } catch (error) {
      const message = signal.aborted ? 'interrupted' : faultOf(error).message;
      story.failed(message);
      outcome = { ok: false, summary: message, figures: {} };
    }
    results.push({ name: step.name, title: step.title, ms: performance.now() - startedMs, ...outcome });
    return outcome.ok;
  };
  try {
    let staged: { stage: Stage; steps: readonly Step[] } | undefined;
    const setUp = { name: 'fleet', title: 'The fleet: an authority, a bus, three hosts, three clients' };
    story.step(0, setUp.title);
    await record(setUp, async () => {
      const [{ layout, started, enrolled }, guest] = await Promise.all([
        fleetUp(root, { signal }),
        ensureGuest(cacheFolder(env)),
      ]);
      const { spec, disk, labelsBy } = await placeGuest(layout, guest);
      const connect = async (who: string) => {
        const client = await connectClient({ env }, { fleet: root, as: who, output: 'table' });
        clients.push(client);
        return client;
      };
      const [operator, monitor, intruder] = await Promise.all([
        connect('operator'),
        connect('monitor'),
        connect('intruder'),
      ]);
      const them = { operator, monitor, intruder };
      const stage: Stage = { layout, story, signal, vm: spec.name, disk, clients: them, left: {} };
      staged = { stage, steps: [start(spec), migrate, refuse, checkpoint, restore, tampered, jobs, reload] };
      story.seen(`the authority has enrolled ${enrolled.join(', ')}`);
      story.seen(`alpha, beta and gamma serve; images are labelled by ${labelsBy}`);
      const summary = `${started.length} programs, ${enrolled.length} certificates; labels by ${labelsBy}`;
      return { summary, figures: { started, enrolled, labelsBy } };
    });
    if (staged === undefined) return results;
    const { stage, steps } = staged;
    for (const [at, step] of steps.entries()) {
      story.step(at + 1, step.title);
      // A step stands on those before it: after one that failed the rest would only repeat its failure.
      if (!(await record(step, () => step.run(stage)))) break;
    }
    return results;
  } finally {
    await Promise.allSettled(clients.map((client) => client.close()));
  }
}
