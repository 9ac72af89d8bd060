import net from 'node:net';

/*
 * The process of a relay, see `relay.ts`: it connects to the socket named second, listens on the one named first and
 * copies one stream from this to that. It says `ready` once it listens. When the receiver goes away, or standard input ends,
 * which is how the broker says that nobody wants the stream any more and how its own end is noticed, the rest is read
 * and dropped. Exits with 0 when the receiver was given everything, else with 1.
 */

const [listenPath = '', receiverPath = ''] = process.argv.slice(2);
/** A QEMU that was told to connect may do so after the broker's end; where none was, nobody comes. */
const connectMsMax = 60_000;

let ready = false;
let wanted = true;
let over = false;
let stream: net.Socket | undefined;
const receiver = net.connect(receiverPath);

const drop = (): void => {
  if (!ready || over) process.exit(1);
  wanted = false;
  receiver.destroy();
  stream?.resume();
  if (stream === undefined) setTimeout(() => process.exit(1), connectMsMax);
};

const server = net.createServer((socket) => {
  server.close();
  stream = socket;
  socket.on('data', (chunk) => {
    if (wanted && !receiver.write(chunk)) socket.pause();
  });
  socket.on('end', () => {
    over = true;
    if (!wanted) process.exit(1);
    receiver.once('finish', () => process.exit(0));
    receiver.end();
  });
  socket.on('error', () => process.exit(1));
});

receiver.on('drain', () => stream?.resume());
receiver.on('error', drop);
receiver.on('close', drop);
receiver.resume();
receiver.once('connect', () => {
  server.listen(listenPath, () => {
    ready = true;
    process.stdout.write('ready');
  });
});
process.stdin.on('end', drop).on('error', drop).resume();
