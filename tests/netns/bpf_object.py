"""The BPF object of an installation, read and damaged: just enough of ELF (64 bits, little endian) to find a section.

    object = BpfObject(directory / "biplane.bpf.o")
    object.write(".rodata.bp", 12, layout.to_bytes(4, "little"))
"""
import pathlib
import struct

IDENTITY = ".rodata.bp"  # ObjectIdentity of src/planes/kernel/program_constants.hpp: magic 8, form 4, layout version 4, sizes 4, version 20
FORM, LAYOUT_VERSION, LAYOUT_SIZES, VERSION = 8, 12, 16, 20


class BpfObject:
    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.data = bytearray(self.path.read_bytes())

    def _sections(self):
        """Name -> (offset in the file, bytes)."""
        table, = struct.unpack_from("<Q", self.data, 0x28)
        entry_bytes, count, names = struct.unpack_from("<3H", self.data, 0x3A)
        entries = [struct.unpack_from("<IIQQQQ", self.data, table + i * entry_bytes) for i in range(count)]
        strings = entries[names][4]
        return {self.data[strings + entry[0]:].split(b"\0", 1)[0].decode(): (entry[4], entry[5]) for entry in entries}

    def read(self, section, offset, size):
        begin, length = self._sections()[section]
        assert offset + size <= length
        return bytes(self.data[begin + offset:begin + offset + size])

    def write(self, section, offset, new):
        begin, length = self._sections()[section]
        assert offset + len(new) <= length
        self.data[begin + offset:begin + offset + len(new)] = new
        self.path.write_bytes(self.data)

    def make_refused(self):
        """The first instruction of the programs for tcx reads a register that nothing has written (r0 = r9)."""
        self.write("biplane/tcx", 0, bytes.fromhex("bf90000000000000"))
