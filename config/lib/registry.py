"""Named stores that rooms fill at start-up and nobody changes afterwards."""

from collections.abc import Iterator


class Registry[T]:
    """Keyed items in the order of their addition; adding a key twice or after `freeze` is a bug."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._items: dict[str, T] = {}
        self._frozen = False

    def add(self, key: str, item: T) -> T:
        if self._frozen:
            raise RuntimeError(f"{self.name}: {key!r} came after start-up")
        if key in self._items:
            raise RuntimeError(f"{self.name}: {key!r} is registered twice")
        self._items[key] = item
        return item

    def freeze(self) -> None:
        self._frozen = True

    def get(self, key: str) -> T:
        """Raises KeyError for a key that nobody registered."""
        return self._items[key]

    def keys(self) -> list[str]:
        return list(self._items)

    def __contains__(self, key: str) -> bool:
        return key in self._items

    def __iter__(self) -> Iterator[T]:
        return iter(self._items.values())
