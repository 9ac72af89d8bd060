import { stringify } from 'yaml';

/** Plain data as YAML text, as `readConfig` reads it: long lines stay whole, repeated values are written out. */
export const toYaml = (value: unknown): string => stringify(value, { lineWidth: 0, aliasDuplicateObjects: false });
