import { openCheckpoints } from '../../services/broker/checkpoints/checkpoints.ts';
import { hostName } from '../../shared/ids.ts';
import { createTestFleet } from './pki.ts';
import { aboutOf, fill, idOf, sound, specOf, stateLabel } from './vmstate-checkpoint.ts';

/*
 * A process that takes a checkpoint and is killed on the way: `node vmstate-crash.ts <store> <run> <step>`, where the step is
 * `received`, `signing`, or the number of the file that is being made.
 */

const [, , directory = '', run = '', step = ''] = process.argv;
const die = () => process.kill(process.pid, 'SIGKILL');

let files = 0;
const fleet = await createTestFleet();
const checkpoints = await openCheckpoints({
  ...{ directory, run, host: sound(hostName, 'alpha') },
  identity: await fleet.identity('host', 'alpha'),
  trust: fleet.trust(),
  clock: {
    nowMs() {
      if (step === 'signing') die();
      return Date.now();
    },
    after: () => () => {},
  },
  labels: {
    async write() {
      if (`${++files}` === step) die();
      return true;
    },
    read: async () => undefined,
  },
});
const draft = await checkpoints.begin(idOf(1), specOf(), stateLabel);
await fill(draft);
if (step === 'received') die();
await draft.seal(aboutOf('alpha'));
