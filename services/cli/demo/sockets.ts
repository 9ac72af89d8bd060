import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** State 0A in /proc/net/tcp is LISTEN (include/net/tcp_states.h). */
const listening = '0A';

/** The TCP sockets of this network namespace that are in the state: port by inode. Form: proc_net_tcp.txt of the kernel. */
export function parseTcpTable(text: string): Map<string, { port: number; state: string }> {
  const sockets = new Map<string, { port: number; state: string }>();
  for (const line of text.split('\n').slice(1)) {
    const columns = line.trim().split(/\s+/);
    const [, local, , state, , , , , , inode] = columns;
    if (local === undefined || state === undefined || inode === undefined) continue;
    sockets.set(inode, { port: Number.parseInt(local.slice(local.lastIndexOf(':') + 1), 16), state });
  }
  return sockets;
}

/** The inodes of the sockets a process holds. Empty for a process that is gone. */
function socketInodes(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return /^socket:\[([0-9]+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? [];
      } catch {
        return [];
      }
    });
  } catch {
    return [];
  }
}

function tcpTable(): Map<string, { port: number; state: string }> {
  const tables = ['/proc/net/tcp', '/proc/net/tcp6'].map((path) => {
    try {
      return readFileSync(path, 'utf8');
    } catch {
      return '';
    }
  });
  return new Map(tables.flatMap((text) => [...parseTcpTable(text)]));
}

/** The TCP ports a process listens on. */
export function listeningPorts(pid: number): number[] {
  const table = tcpTable();
  return socketInodes(pid).flatMap((inode) => {
    const socket = table.get(inode);
    return socket?.state === listening ? [socket.port] : [];
  });
}

/** How many TCP sockets of any kind a process holds: a QEMU that sends nowhere has none. */
export function tcpSockets(pid: number): number {
  const table = tcpTable();
  return socketInodes(pid).filter((inode) => table.has(inode)).length;
}
