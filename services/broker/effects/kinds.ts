import type { Effect, Event, State } from '../machine/row.ts';
import type { AnyKind, Kind } from '../runtime/kind.ts';
import { migrateDestinationKind } from './migrate-destination.ts';
import { migrateSourceKind } from './migrate-source.ts';
import { restoreKind } from './restore.ts';
import { saveKind } from './save.ts';
import { startKind } from './start.ts';
import type { World } from './world.ts';

/** Every kind of operation of a broker, as its runner takes them. */
export const kindsOf = (world: World) => ({
  start: anyKind(startKind(world)),
  save: anyKind(saveKind(world)),
  restore: anyKind(restoreKind(world)),
  migrateSource: anyKind(migrateSourceKind(world)),
  migrateDestination: anyKind(migrateDestinationKind(world)),
});

/** The runner hands a kind only the states, events and effects of its own table, so it need not know their types. */
const anyKind = <S extends State, E extends Event, F extends Effect>(kind: Kind<S, E, F>) => kind as unknown as AnyKind;
