/**
 * Every fault of the world that Carnet reports, `AREA_REASON`, with what it means and whether asking again can help.
 * Codes are part of the wire format: they are added, never renamed. `exit` is the exit status of the command line.
 */
export const faultCodes = {
  USAGE_INVALID: { text: 'the command line or a request field is not valid', retry: false, exit: 2 },
  CONFIG_INVALID: { text: 'a configuration file is not valid', retry: false, exit: 2 },
  IDENTITY_UNKNOWN: { text: 'the certificate is not one this host maps to a security context', retry: false, exit: 8 },
  MESSAGE_MALFORMED: { text: 'a message does not have the form its type declares', retry: false, exit: 7 },
  MESSAGE_FORGED: {
    text: 'a message was not signed by the sender it names, or its certificate is not from this fleet',
    retry: false,
    exit: 7,
  },
  MESSAGE_STALE: { text: 'a message is expired, from the future, or was seen before', retry: true, exit: 7 },
  MESSAGE_MISDIRECTED: {
    text: 'a message is for another receiver or came on a subject of another sender',
    retry: false,
    exit: 7,
  },
  BUS_UNREACHABLE: { text: 'the message bus cannot be reached', retry: true, exit: 7 },
  BUS_TIMEOUT: { text: 'nobody answered on the bus in time', retry: true, exit: 7 },
  BUS_NO_RESPONDER: { text: 'no service listens under that name on the bus', retry: true, exit: 7 },
  BUS_CONFLICT: { text: 'a record was changed by someone else in between', retry: true, exit: 5 },
  BUS_DENIED: { text: 'the message bus refused the subject', retry: false, exit: 7 },
  STORE_FAILED: { text: 'the local database could not be read or written', retry: true, exit: 1 },
  VM_UNKNOWN: { text: 'no such virtual machine', retry: false, exit: 4 },
  VM_EXISTS: { text: 'a virtual machine of that name exists already', retry: false, exit: 5 },
  VM_BUSY: { text: 'another operation on this virtual machine is under way', retry: true, exit: 5 },
  VM_STATE: { text: 'the virtual machine is not in a state for this', retry: false, exit: 5 },
  VM_ELSEWHERE: { text: 'the virtual machine belongs to another host', retry: false, exit: 5 },
  OPERATION_UNKNOWN: { text: 'no such operation', retry: false, exit: 4 },
  OPERATION_TIMEOUT: { text: 'a step of the operation did not finish in time', retry: true, exit: 6 },
  OPERATION_CANCELLED: { text: 'the operation was cancelled', retry: false, exit: 130 },
  IMAGE_UNKNOWN: { text: 'an image of the virtual machine is not in the pool of this host', retry: false, exit: 4 },
  IMAGE_UNSAFE: {
    text: 'an image is not a plain file, or names other files that its spec does not declare',
    retry: false,
    exit: 9,
  },
  IMAGE_MISMATCH: { text: 'an image is not the one the carnet describes', retry: false, exit: 9 },
  IMAGE_UNLABELLED: { text: 'an image has no security label', retry: false, exit: 8 },
  HOST_INCOMPATIBLE: { text: 'the host cannot run this virtual machine', retry: false, exit: 10 },
  HOST_FULL: { text: 'the host has no room for this virtual machine', retry: true, exit: 10 },
  QEMU_FAILED: { text: 'QEMU did not start or ended by itself', retry: true, exit: 1 },
  QEMU_REFUSED: { text: 'QEMU refused a command', retry: false, exit: 1 },
  QEMU_TIMEOUT: { text: 'QEMU did not answer in time', retry: true, exit: 6 },
  QEMU_PROTOCOL: { text: 'QEMU sent something that is not QMP', retry: false, exit: 1 },
  TRANSFER_FAILED: { text: 'the memory could not be transferred', retry: true, exit: 7 },
  STREAM_INVALID: { text: 'a migration stream is not well formed', retry: false, exit: 9 },
  CHECKPOINT_UNKNOWN: { text: 'no such checkpoint', retry: false, exit: 4 },
  CHECKPOINT_DAMAGED: { text: 'a checkpoint does not match its signed manifest', retry: false, exit: 9 },
  CHECKPOINT_IN_USE: { text: 'a running virtual machine still maps this checkpoint', retry: false, exit: 5 },
  OWNER_CONFLICT: { text: 'the owner record says otherwise', retry: false, exit: 5 },
  OWNER_IN_DOUBT: { text: 'whether the virtual machine may run here is in doubt', retry: true, exit: 5 },
  POLICY_INVALID: { text: 'the policy could not be loaded', retry: false, exit: 2 },
  JOB_UNKNOWN: { text: 'no such job', retry: false, exit: 4 },
  JOB_EXISTS: { text: 'a job of that name exists already', retry: false, exit: 5 },
  AUDIT_BROKEN: { text: 'an audit log is not the unbroken chain it was written as', retry: false, exit: 9 },
  INTERNAL: { text: 'an error in Carnet itself', retry: false, exit: 1 },
} as const;

export type FaultCode = keyof typeof faultCodes;
export const faultCodeNames = Object.keys(faultCodes) as [FaultCode, ...FaultCode[]];
