"""The bpf(2) system call for tests: opens and detaches pinned links, and attaches a program of the test's own. Debian's bpftool is older
than tcx."""
import ctypes
import errno
import os
import struct

SYSCALL = 321 if os.uname().machine == "x86_64" else 280
PROG_LOAD, OBJ_PIN, OBJ_GET, PROG_QUERY, LINK_CREATE, LINK_DETACH = 5, 6, 7, 16, 28, 34
SCHED_CLS, XDP = 3, 6
ATTACH_XDP, ATTACH_TCX_INGRESS = 37, 46
PASS = {SCHED_CLS: 0, XDP: 2}  # TC_ACT_OK, XDP_PASS
TCX_PROGRAMS_MAX = 64  # of one hook

libc = ctypes.CDLL(None, use_errno=True)


def bpf(command, attributes):
    room = ctypes.create_string_buffer(attributes.ljust(128, b"\0"))
    result = libc.syscall(SYSCALL, command, room, ctypes.c_uint(128))
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"bpf({command}): {os.strerror(number)}")
    return result


def open_pin(path):
    name = ctypes.create_string_buffer(str(path).encode())
    return bpf(OBJ_GET, struct.pack("QII", ctypes.addressof(name), 0, 0))


def pin(descriptor, path):
    name = ctypes.create_string_buffer(str(path).encode())
    bpf(OBJ_PIN, struct.pack("QII", ctypes.addressof(name), descriptor, 0))


def detach_link(path):
    """Takes the program of a pinned link off its interface; the link stays, and does nothing any more."""
    link = open_pin(path)
    try:
        bpf(LINK_DETACH, struct.pack("I", link))
    finally:
        os.close(link)


def load_passing_program(kind):
    """A program that lets everything pass."""
    code = ctypes.create_string_buffer(struct.pack("BBhi", 0xB7, 0, 0, PASS[kind]) + struct.pack("BBhi", 0x95, 0, 0, 0))
    licence = ctypes.create_string_buffer(b"GPL")
    return bpf(PROG_LOAD, struct.pack("IIQQIIQ", kind, 2, ctypes.addressof(code), ctypes.addressof(licence), 0, 0, 0))


def attach(namespace, program, ifindex, where):
    """To an interface of a Namespace of the lab. Detached when the descriptor that is returned is closed."""
    return namespace.enter(lambda: bpf(LINK_CREATE, struct.pack("IIII", program, ifindex, where, 0)))


def count_tcx_programs(namespace, ifindex):
    """On ingress of an interface of a Namespace of the lab."""
    query = ctypes.create_string_buffer(struct.pack("IIIIQII", ifindex, ATTACH_TCX_INGRESS, 0, 0, 0, 0, 0).ljust(64, b"\0"))

    def ask():
        if libc.syscall(SYSCALL, PROG_QUERY, query, ctypes.c_uint(64)) < 0 and ctypes.get_errno() != errno.ENOENT:
            raise OSError(ctypes.get_errno(), "bpf(BPF_PROG_QUERY)")
        return struct.unpack_from("I", query, 24)[0]

    return namespace.enter(ask)
