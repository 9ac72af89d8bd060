import { createMemoryHub } from '../../../shared/bus/memory.ts';
import { wakefulClock } from '../../support/bus.ts';
import { describeBus } from './contract.ts';

describeBus('the bus in memory', async () => {
  const hub = createMemoryHub(wakefulClock);
  return { connect: async () => hub.member(), stop: async () => {} };
});
