"""An initramfs archive ("newc" cpio) whose bytes depend on nothing but its contents."""

import stat
import subprocess

CONSOLE_DEVICE = (5, 1)
ALIGNMENT = 4


class Archive:
    """Entries by path, of which the first one given stays. Directories above it come by themselves."""

    def __init__(self) -> None:
        self._entries: dict[str, tuple[int, bytes, tuple[int, int]]] = {}

    def _add(self, path: str, mode: int, content: bytes = b"", device: tuple[int, int] = (0, 0)) -> None:
        parent = path.rpartition("/")[0]
        if parent and parent not in self._entries:
            self.directory(parent)
        self._entries.setdefault(path, (mode, content, device))

    def directory(self, path: str) -> None:
        self._add(path, stat.S_IFDIR | 0o755)

    def file(self, path: str, content: bytes, permissions: int) -> None:
        self._add(path, stat.S_IFREG | permissions, content)

    def symlink(self, path: str, target: str) -> None:
        self._add(path, stat.S_IFLNK | 0o777, target.encode())

    def console(self) -> None:
        """/dev/console, which the kernel opens for its first process before anything is mounted."""
        self._add("dev/console", stat.S_IFCHR | 0o600, device=CONSOLE_DEVICE)

    def leave_out(self, other: "Archive") -> None:
        """What the other one has, for archives that are unpacked into one tree."""
        self._entries = {path: entry for path, entry in self._entries.items() if other._entries.get(path) != entry}

    def bytes(self) -> bytes:
        result = bytearray()
        for inode, (path, entry) in enumerate(sorted(self._entries.items()), start=1):
            _append(result, inode, path, *entry)
        _append(result, 0, "TRAILER!!!", 0, b"", (0, 0))
        return bytes(result)


def _append(result: bytearray, inode: int, path: str, mode: int, content: bytes, device: tuple[int, int]) -> None:
    name = path.encode() + b"\0"
    links, user, group, time, checksum = 1, 0, 0, 0, 0
    numbers = (inode, mode, user, group, links, time, len(content), 0, 0, *device, len(name), checksum)
    result += b"070701" + b"".join(b"%08X" % number for number in numbers) + name
    result += b"\0" * (-len(result) % ALIGNMENT)
    result += content
    result += b"\0" * (-len(result) % ALIGNMENT)


def lz4(data: bytes, padded: bool = True) -> bytes:
    """Compressed in the one LZ4 format that Linux unpacks an initramfs from; padded so that any other archive may follow,
    not padded so that Linux takes a row of such files for one stream."""
    command = ["lz4", "-l", "-12", "--favor-decSpeed", "-c", "-"]
    packed = subprocess.run(command, input=data, check=True, stdout=subprocess.PIPE).stdout
    return packed + b"\0" * (-len(packed) % ALIGNMENT) if padded else packed
