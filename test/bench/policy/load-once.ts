/**
 * Loads a policy once, in a process of its own: `load-once.ts source|binary|compiled PATH [CACHE]`. Writes JSON: the
 * milliseconds that the load took, the policy's file read and all code loaded on demand, and the peak memory in MB.
 */
import { readFileSync } from 'node:fs';
import type { Loaded } from '../../../policy/policy.ts';

const loads: Readonly<Record<string, (path: string, cache: string) => Promise<() => Loaded | Promise<Loaded>>>> = {
  async source(path) {
    const { readPolicyFile } = await import('../../../policy/read-policy-file.ts');
    return () => readPolicyFile(path);
  },
  async binary(path) {
    const { loadBinary } = await import('../../../policy/binary/load-binary.ts');
    return () => loadBinary(readFileSync(path), path);
  },
  async compiled(path, cacheDirectory) {
    const { loadCached } = await import('../../../policy/compiled/load-cached.ts');
    return () => loadCached(path, { cacheDirectory });
  },
};

const [mode = '', path = '', cache = ''] = process.argv.slice(2);
const load = await loads[mode]?.(path, cache);
if (load === undefined) throw new Error(`unknown mode ${mode}`);
const start = process.hrtime.bigint();
const loaded = await load();
const ms = Number(process.hrtime.bigint() - start) / 1e6;
if (!loaded.ok) throw new Error(loaded.diagnostics[0]?.message ?? 'the policy does not load');
process.stdout.write(JSON.stringify({ ms, peakMb: (process.resourceUsage().maxRSS * 1024) / 1e6 }));
