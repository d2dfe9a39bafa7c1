"""Pages of long lists."""

from dataclasses import dataclass
from urllib.parse import urlencode

from flask import request

PAGE_SIZE = 25
MAX_PAGE = 10_000


@dataclass(frozen=True)
class Paging:
    """Which part of a list of ``total`` entries is shown."""

    number: int
    total: int
    size: int = PAGE_SIZE

    @property
    def pages(self) -> int:
        """How many pages there are, at least one."""
        return max(1, -(-self.total // self.size))

    @property
    def first(self) -> int:
        """Number of the first entry shown, counted from 1."""
        return min(self.total, (self.number - 1) * self.size + 1)

    @property
    def last(self) -> int:
        """Number of the last entry shown."""
        return min(self.total, self.number * self.size)

    def link(self, number: int) -> str:
        """Address of another page of the same list, with the same filters."""
        return f"{request.path}?{urlencode({**request.args.to_dict(), 'page': number})}"


def asked_page() -> tuple[int, int]:
    """Return the page number that the address asks for and its offset."""
    number = min(max(request.args.get("page", 1, type=int), 1), MAX_PAGE)
    return number, (number - 1) * PAGE_SIZE
