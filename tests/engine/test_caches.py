"""Caches outside of the network's objects: filled anew in each measurement, and as before after."""

from __future__ import annotations

import functools
import importlib
import sys
import threading
import types
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import pytest
import torch
from torch import nn

from pytest_burden import measure
from pytest_burden.engine.state import State
from tests.engine.state import abstract_tensors, differing, picture_of, quick_collections
from tests.networks.cases import Around

X = torch.ones(3, 8)

HELPERS = """
import functools
import threading
import types
from collections import OrderedDict, defaultdict, deque
from weakref import WeakKeyDictionary

import torch

from . import deeper


def made(x):
    return x.new_ones(8, 8) @ torch.ones(8, 8)

@functools.lru_cache(maxsize=8)
def freqs(n):
    return torch.ones(n, n) @ torch.ones(n, n)

def rotate(x):
    return x + freqs(8)[0]

def rotate_far(x):
    return deeper.rotate(x)

TABLES = {}
NESTED = defaultdict(dict)
ORDERED = OrderedDict()
LISTED = []
SEEN = set()
RING = deque(maxlen=2)
WEAK = WeakKeyDictionary()
SPACE = types.SimpleNamespace()
LOCAL = threading.local()
_MASK = None
COUNT = 0
LONG = {number: number for number in range(1000)}

def by_dict(x):
    if 8 not in TABLES:
        TABLES[8] = made(x)
    return x + TABLES[8][0]

def by_nested(x):
    if "table" not in NESTED[x.dtype]:
        NESTED[x.dtype]["table"] = made(x)
    return x + NESTED[x.dtype]["table"][0]

def by_ordered(x):
    if "table" not in ORDERED:
        ORDERED["table"] = made(x)
    ORDERED.move_to_end("table", last=False)
    return x + ORDERED["table"][0]

def by_list(x):
    if not LISTED:
        LISTED.append(made(x))
    return x + LISTED[0][0]

def by_set(x):
    if not SEEN:
        SEEN.add(made(x))
    return x + next(iter(SEEN))[0]

def by_deque(x):
    if not RING:
        RING.append(made(x))
    return x + RING[0][0]

def by_weak(x):
    if made not in WEAK:
        WEAK[made] = made(x)
    return x + WEAK[made][0]

def by_namespace(x):
    if not hasattr(SPACE, "table"):
        SPACE.table = made(x)
    return x + SPACE.table[0]

def by_local(x):
    if not hasattr(LOCAL, "table"):
        LOCAL.table = made(x)
    return x + LOCAL.table[0]

def by_long(x):
    if "table" not in LONG:
        LONG["table"] = made(x)
    return x + LONG["table"][0]

def by_global(x):
    global _MASK, COUNT
    COUNT += 1
    if _MASK is None:
        _MASK = made(x)
    return x + _MASK[0]

def by_new_global(x):
    global _LATER
    if "_LATER" not in globals():
        _LATER = made(x)
    return x + _LATER[0]

def remember(function):
    memo = {}
    last = None
    def wrapper(x):
        nonlocal last
        if "table" not in memo:
            memo["table"] = last = function(x)
        return x + memo["table"][0] + last[0]
    return wrapper

@remember
def by_closure(x):
    return made(x)

class Remember:
    def __init__(self, function):
        self.function = function
        self.memo = {}
    def __call__(self, x):
        if "table" not in self.memo:
            self.memo["table"] = self.function(x)
        return x + self.memo["table"][0]

@Remember
def by_object(x):
    return made(x)

def by_default(x, _cache={}):
    if "table" not in _cache:
        _cache["table"] = made(x)
    return x + _cache["table"][0]

def by_named_default(x, *, _cache={}):
    if "table" not in _cache:
        _cache["table"] = made(x)
    return x + _cache["table"][0]

def by_attribute(x):
    if not hasattr(by_attribute, "cache"):
        by_attribute.cache = made(x)
    return x + by_attribute.cache[0]

class Cache:
    store = {}

CACHE = Cache()

def by_cache_object(x):
    if 8 not in CACHE.store:
        CACHE.store[8] = made(x)
    if not hasattr(CACHE, "table"):
        CACHE.table = made(x)
    return x + CACHE.store[8][0] + CACHE.table[0]

class Global(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.table = None
        self.tables = {}
        self.register_buffer("kept", None)
    def forward(self, x):
        if self.table is None:
            self.table = self.kept = self.tables[8] = made(x)
        return x + self.table[0] + self.tables[8][0] + self.kept[0]

GLOBAL = Global()

def by_global_module(x):
    return GLOBAL(x)

class Lazy:
    tables = {}
    @classmethod
    def get(cls, x):
        if 8 not in cls.tables:
            cls.tables[8] = made(x)
        return cls.tables[8]

def by_class_method(x):
    return x + Lazy.get(x)[0]
"""

DEEPER = """
import torch

TABLES = {}

def rotate(x):
    if 8 not in TABLES:
        TABLES[8] = x.new_ones(8, 8) @ torch.ones(8, 8)
    return x + TABLES[8][0]
"""

NET = """
import torch
from torch import nn
from {package}.helpers import {names}, remember, made

class Net(nn.Module):
    after = None
    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(8, 8)
    def forward(self, x):
        x = self.inner(self.cached(x))
        if self.after:
            self.after(x)
        return x
    def cached(self, x):
        raise NotImplementedError

class InClass(Net):
    tables = {{}}
    def cached(self, x):
        if 8 not in self.tables:
            self.tables[8] = made(x)
        return x + self.tables[8][0]

class OfClass(Net):
    pe = None
    calls = 0
    def cached(self, x):
        OfClass.calls += 1
        if OfClass.pe is None:
            OfClass.pe = made(x)
        return x + OfClass.pe[0]

class OfType(Net):
    def cached(self, x):
        if not hasattr(type(self), "_mask"):
            type(self)._mask = made(x)
        return x + self._mask[0]

class ByMethod(Net):
    def cached(self, x):
        return self.decorated(x)
    @staticmethod
    @remember
    def decorated(x):
        return made(x)

class InConstructor(Net):
    tables = {{}}
    def __init__(self):
        super().__init__()
        if 8 not in self.tables:
            self.tables[8] = torch.randn(8, 8) @ torch.ones(8, 8)
    def cached(self, x):
        return x + self.tables[8][0]

class Helper:
    tables = {{}}
    def apply(self, x):
        if 8 not in self.tables:
            self.tables[8] = made(x)
        return x + self.tables[8][0]

class ByHelper(Net):
    def __init__(self):
        super().__init__()
        self.helper = Helper()
    def cached(self, x):
        return self.helper.apply(x)
"""

FUNCTIONS = [
    line.split("(")[0].removeprefix("def ")
    for line in HELPERS.splitlines()
    if line.startswith(("def by_", "def rotate"))
]
CLASSES = ["InClass", "OfClass", "OfType", "ByMethod", "ByHelper"]
KINDS = [*FUNCTIONS, *CLASSES]


@pytest.fixture(autouse=True, scope="module")
def _quick_collections() -> Iterator[None]:
    with quick_collections():
        yield


Make = Callable[..., Any]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Return what writes a package, imports it and returns a class of network from it."""
    package = f"cached_{tmp_path.name.replace('-', '_')}"
    folder = tmp_path / package
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "helpers.py").write_text(HELPERS, encoding="utf-8")
    (folder / "deeper.py").write_text(DEEPER, encoding="utf-8")
    calls = "".join(
        f"\nclass N_{name}(Net):\n    def cached(self, x):\n        return {name}(x)\n"
        for name in FUNCTIONS
    )
    net = NET.format(package=package, names=", ".join(FUNCTIONS)) + calls
    (folder / "net.py").write_text(net, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    module = importlib.import_module(f"{package}.net")
    yield lambda kind: getattr(module, kind if kind[0].isupper() else f"N_{kind}")
    for name in [name for name in sys.modules if name.startswith(package)]:
        del sys.modules[name]


def state_of(cls: type) -> object:
    """Return all that the files of the package of ``cls`` hold, by identity and in order."""
    package = cls.__module__.partition(".")[0]
    files = [module for name, module in sys.modules.items() if name.startswith(f"{package}.")]
    return [_held(vars(file), package, set()) for file in files]


def _held(value: Any, package: str, seen: set[int]) -> object:
    own = str(getattr(value, "__module__", "")).startswith(package)
    if id(value) in seen:
        return id(value)
    if isinstance(value, (list, tuple, set, deque)):
        parts: Any = list(value)
    elif isinstance(value, (dict, WeakKeyDictionary)):
        parts = [part for item in value.items() for part in item if not _is_dunder(item[0])]
    elif isinstance(value, (staticmethod, classmethod)):
        parts = [value.__func__]
    elif isinstance(value, types.FunctionType) and own:
        cells = [cell.cell_contents for cell in value.__closure__ or ()]
        parts = [vars(value), value.__defaults__, value.__kwdefaults__, *cells]
    elif isinstance(value, functools._lru_cache_wrapper):
        return id(value), value.cache_info().currsize
    elif (own or isinstance(value, (types.SimpleNamespace, threading.local))) and hasattr(
        value, "__dict__"
    ):
        parts = [part for item in vars(value).items() for part in item if not _is_dunder(item[0])]
    else:
        return id(value)
    seen.add(id(value))
    return id(value), [_held(part, package, seen) for part in parts]


def _is_dunder(name: object) -> bool:
    return isinstance(name, str) and name.startswith("__")


def values_read(x: torch.Tensor) -> None:
    """Ask for a value, which takes a real run."""
    x.sum().item()


def failing(_: torch.Tensor) -> None:
    """Fail."""
    raise RuntimeError("the network's own")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("training", [None, "SGD"])
@pytest.mark.parametrize("after", [None, values_read])
def test_every_measurement_is_like_the_first(
    make: Make, kind: str, training: str | None, after: Any
) -> None:
    """From a model or a factory, without data or for real, of a forward or of training."""
    cls = make(kind)
    cls.after = staticmethod(after) if after else None
    model = cls()
    before = state_of(cls)
    burdens = [measure(source, X, training=training) for source in (model, model, cls, cls)]
    assert state_of(cls) == before
    assert burdens[0] == burdens[1]
    assert burdens[2] == burdens[3]
    assert burdens[0].macs == burdens[2].macs > 8 * 8 * 8
    assert burdens[0].method == ("real" if after else "abstract")
    assert abstract_tensors() == []
    assert model(X).sum().item() != 0
    full = state_of(cls)
    assert full != before
    assert measure(model, X) == measure(model, X)
    assert state_of(cls) == full
    assert abstract_tensors() == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_forward_that_fails_leaves_nothing(make: Make, kind: str) -> None:
    """What it had put away before is gone as well."""
    cls = make(kind)
    cls.after = staticmethod(failing)
    model = cls()
    before = state_of(cls)
    for source in (model, cls):
        with pytest.raises(RuntimeError, match="the network's own"):
            measure(source, X)
    assert state_of(cls) == before
    cls.after = None
    assert model(X).sum().item() != 0


def test_what_a_constructor_puts_away_is_gone(make: Make) -> None:
    """A factory fills the cache of its class with tensors without data."""
    cls = make("InConstructor")

    def by_name() -> Any:
        return cls()

    burdens = [measure(source, X) for source in (cls, cls, by_name, functools.partial(cls))]
    assert all(burden == burdens[0] for burden in burdens)
    assert cls.tables == {}
    assert abstract_tensors() == []
    assert cls()(X).sum().item() != 0


FEATURES: dict[str, torch.Tensor] = {}


def test_what_a_hook_puts_into_a_dictionary_of_its_file() -> None:
    """The files of hooks are the network's own."""
    model = nn.Linear(8, 8)
    model.register_forward_hook(lambda _, __, out: FEATURES.update(out=out))
    measure(model, X)
    assert FEATURES == {}


def test_a_counter_in_the_closure_of_a_function_that_a_network_holds() -> None:
    """Such a function is not copied, for there is nothing in it to copy."""
    count = 0

    def counting(inner: nn.Module, x: torch.Tensor) -> Any:
        nonlocal count
        count += 1
        return inner(x)

    measure(Around(nn.Linear(8, 8), counting), X)
    assert count == 0


def test_nothing_is_kept_alive_that_a_held_function_lets_go() -> None:
    """What such a function held before is gone when it drops it, for the peak of the memory."""

    def network() -> nn.Module:
        kept = [torch.ones(1000, 1000)]

        def dropping(inner: nn.Module, x: torch.Tensor) -> Any:
            first = x + kept.pop()[0, :8]
            return inner(first.new_zeros(1000, 1000)[:, :8])

        return Around(nn.Linear(8, 8), dropping)

    assert measure(network(), X).peak_memory < 8_000_000


PROGRESS = 0
TURNS = threading.Barrier(2)


class Waiting(nn.Module):
    """Lets another thread go on meanwhile."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return twice ``x``."""
        TURNS.wait(60)
        TURNS.wait(60)
        return x * 2


def make_progress() -> None:
    """Do what the network's code does not know of."""
    global PROGRESS  # noqa: PLW0603 it is what is tested
    TURNS.wait(60)
    PROGRESS += 1
    TURNS.wait(60)


def test_what_other_code_binds_anew_stays() -> None:
    """Another thread may go on while a network is measured; its names are not the network's."""
    thread = threading.Thread(target=make_progress)
    thread.start()
    measure(Waiting(), X)
    thread.join()
    assert PROGRESS == 1


class Importing(nn.Module):
    """Imports at the first call, and counts."""

    calls = 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return ``x``."""
        if "imported" not in globals():
            globals()["imported"] = importlib.import_module("colorsys")
        type(self).calls += 1
        return x * 2


def test_what_was_imported_stays() -> None:
    """A counter begins again, an import is none of the network's state."""
    measure(Importing(), X)
    assert Importing.calls == 0
    assert globals()["imported"] is sys.modules["colorsys"]


class Own(dict[str, Any]):
    """A mapping that counts what is put into it."""

    puts = 0

    def __setitem__(self, key: str, value: Any) -> None:
        Own.puts += 1
        super().__setitem__(key, value)


ALL: list[Any] = [
    Own(a=1), OrderedDict(b=1, a=2), defaultdict(list, a=[1]), deque([1, 2], maxlen=2), {3, 4},
    [1, [2]],
]  # fmt: skip


def change_all() -> None:
    """Empty all containers, and fill them with something else."""
    for held in ALL:
        held.clear()
    ALL[0]["x"] = 1
    ALL[1].update(a=1, b=2)
    ALL[2]["y"].append(1)
    ALL[3].extend([3, 4, 5])
    ALL[4].add(5)
    ALL.append(6)


def test_containers_of_any_kind_are_put_back() -> None:
    """Contents, order, length, default; not by way of what a subclass overrides."""
    before = picture_of(ALL)
    state = State([change_all], building=False)
    change_all()
    puts = Own.puts
    state.put_back()
    assert differing(before, picture_of(ALL)) == []
    assert ALL[3].maxlen == 2
    assert ALL[2]["new"] == []
    assert Own.puts in (puts, 0)
    del ALL[2]["new"]
