/** The two hosts that faults are played on. */
export const hosts = ['alpha', 'beta'] as const;
export type Host = (typeof hosts)[number];
export const otherThan = (host: Host): Host => (host === 'alpha' ? 'beta' : 'alpha');
