"""Asks libsepol in this process: `libsepol.py POLICY` answers lines `SCON TCON CLASS PERMISSIONS` from standard input.

Each answer is `allowed auditallow auditdeny` in hexadecimal and, for each of the class's so many permissions asked for
alone, the reason it is missing (1 TE, 2 CONS, 4 RBAC, 8 BOUNDS, or several); or INVALID. With a number of rounds as
second argument it answers the median time of one computeAv in nanoseconds instead, over all lines and rounds.
With `load` as second argument it answers the time that loading the policy took, in nanoseconds.
"""

import ctypes
import statistics
import sys
import time


class Decision(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint32) for name in ("allowed", "decided", "auditallow", "auditdeny", "seqno")]


sepol = ctypes.CDLL("libsepol.so.2")
libc = ctypes.CDLL(None)
libc.fopen.restype = ctypes.c_void_p
compute = sepol.sepol_compute_av_reason
compute.argtypes = [
    ctypes.c_uint32,
    ctypes.c_uint32,
    ctypes.c_uint16,
    ctypes.c_uint32,
    ctypes.POINTER(Decision),
    ctypes.POINTER(ctypes.c_uint),
]


def load(path):
    file = libc.fopen(path.encode(), b"r")
    if not file:
        sys.exit(f"cannot open {path}")
    started = time.perf_counter_ns()
    if sepol.sepol_set_policydb_from_file(ctypes.c_void_p(file)) != 0:
        sys.exit(f"libsepol cannot read {path}")
    return time.perf_counter_ns() - started


def sid_of(context):
    sid = ctypes.c_uint32()
    text = context.encode()
    if sepol.sepol_context_to_sid(text, ctypes.c_size_t(len(text)), ctypes.byref(sid)) != 0:
        return None
    return sid.value


def class_of(name):
    value = ctypes.c_uint16()
    if sepol.sepol_string_to_security_class(name.encode(), ctypes.byref(value)) != 0:
        sys.exit(f"no class {name}")
    return value.value


def answer(source, target, tclass, permissions):
    decision, reason = Decision(), ctypes.c_uint()
    reasons = []
    for bit in range(permissions):
        compute(source, target, tclass, 1 << bit, ctypes.byref(decision), ctypes.byref(reason))
        reasons.append(reason.value)
    return f"{decision.allowed:x} {decision.auditallow:x} {decision.auditdeny:x} {' '.join(map(str, reasons))}"


def median(questions, rounds):
    decision, reason = Decision(), ctypes.c_uint()
    at, why = ctypes.byref(decision), ctypes.byref(reason)
    now = time.perf_counter_ns
    times = []
    for _ in range(rounds):
        for source, target, tclass, _ in questions:
            started = now()
            compute(source, target, tclass, 0xFFFFFFFF, at, why)
            times.append(now() - started)
    return int(statistics.median(times))


def main():
    took = load(sys.argv[1])
    mode = sys.argv[2] if len(sys.argv) > 2 else ""
    if mode == "load":
        print(took)
        return
    questions = []
    for line in sys.stdin:
        source, target, tclass, permissions = line.split()
        questions.append((sid_of(source), sid_of(target), class_of(tclass), int(permissions)))
    if mode:
        print(median([one for one in questions if None not in one], int(mode)))
        return
    for one in questions:
        print("INVALID" if None in one else answer(*one))


main()
