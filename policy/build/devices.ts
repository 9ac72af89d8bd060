import type { Handlers } from './builder.ts';
import { contextValue } from './contexts.ts';
import { addRange, fits, labelOnce, only, overlaps, UINT32_MAX } from './label-checks.ts';

const UINT64_MAX = 0xffff_ffff_ffff_ffffn;

/** Labels of what Xen hands to its guests. Like the other labels they are only checked. */
export const deviceRules: Handlers = only('xen', {
  pirqcon: (build, statement) => {
    contextValue(build, statement.context);
    fits(build, statement, statement.interrupt);
    labelOnce(build, statement, `pirqcon ${statement.interrupt}`, String(statement.interrupt));
  },
  iomemcon: (build, statement) => {
    const { low, high, context } = statement;
    contextValue(build, context);
    addRange(build, statement, { kind: 'iomem', low, high, max: UINT64_MAX, clash: overlaps });
  },
  ioportcon: (build, statement) => {
    contextValue(build, statement.context);
    const [low, high] = [BigInt(statement.low), BigInt(statement.high)];
    addRange(build, statement, { kind: 'ioport', low, high, max: UINT32_MAX, clash: overlaps });
  },
  pcidevicecon: (build, statement) => {
    contextValue(build, statement.context);
    fits(build, statement, statement.device);
    labelOnce(build, statement, `pcidevicecon ${statement.device}`, String(statement.device));
  },
  devicetreecon: (build, statement) => {
    contextValue(build, statement.context);
    labelOnce(build, statement, `devicetreecon ${statement.path}`, statement.path);
  },
});
