"""What a power cut may take, as named choices."""

from random import Random

from tests.crash.filesystem import Directory, File, Loss, apply_change

NOTHING = Loss(names=lambda directory: len(directory.pending), content=lambda file: file.content())
"""The program was killed; the machine went on and wrote everything."""

EVERYTHING = Loss(names=lambda directory: 0, content=lambda file: file.durable)
"""Only what was synced is there."""

CONTENT = Loss(names=lambda directory: len(directory.pending), content=lambda file: file.durable)
"""Names arrive before content: the empty files that a rename without a sync leaves behind."""

NAMES = Loss(names=lambda directory: 0, content=lambda file: file.content())
"""Content arrives before names."""


def chance(random: Random) -> Loss:
    """Every directory keeps some of its changes, every file some of its writes, the last of them torn."""

    def names(directory: Directory) -> int:
        return random.randint(0, len(directory.pending))

    def content(file: File) -> bytes:
        kept = random.randint(0, len(file.pending))
        data = bytearray(file.content(kept))
        if kept < len(file.pending) and random.random() < 0.5:
            change = file.pending[kept]
            if not isinstance(change, int):
                start, new = change
                part = new[: random.randint(0, len(new))]
                apply_change(data, (start, part + bytes(random.choice((0, len(new) - len(part))))))
        return bytes(data)

    return Loss(names, content)
