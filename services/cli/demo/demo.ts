import type { Ending } from '../render/fault.ts';
import type { Session } from '../session.ts';
export async function runDemo(_session: Session, _options: { keep: boolean }): Promise<Ending | undefined> {
  return undefined;
}
