/**
 * The socket classes of the kernel (security/selinux/include/classmap.h, up to Linux 6.14). Only these are treated like
 * processes there: a class of the policy that the kernel does not know is none of them, whatever its name.
 */
const families = `ax25 appletalk alg atmpvc atmsvc bluetooth caif can dccp decnet icmp ieee802154 ipx irda isdn iucv kcm key
  llc mctp netlink netlink_audit netlink_connector netlink_crypto netlink_dnrt netlink_fib_lookup netlink_generic
  netlink_iscsi netlink_kobject_uevent netlink_netfilter netlink_nflog netlink_rdma netlink_route netlink_scsitransport
  netlink_selinux netlink_tcpdiag netlink_xfrm netrom nfc packet phonet pppox qipcrtr rawip rds rose rxrpc sctp smc tcp
  tipc tun udp unix_dgram unix_stream vsock x25 xdp`;

const classes: ReadonlySet<string> = new Set(['socket', ...families.split(/\s+/).map((family) => `${family}_socket`)]);

export function isKernelSocket(className: string): boolean {
  return classes.has(className);
}
