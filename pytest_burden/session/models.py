"""The networks of ``[tool.burden.models]`` as tests of their own: ``pyproject.toml::resnet50``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from pytest_burden.budget.config import FILE, Model
from pytest_burden.budget.ids import Name
from pytest_burden.budget.verdict import Kind
from pytest_burden.errors import BurdenError, MeasureError
from pytest_burden.session import measuring
from pytest_burden.session.lifecycle import LEVELS, record_of
from pytest_burden.session.record import Failure, Measured
from pytest_burden.session.settings import SETTINGS
from pytest_burden.sweeps import Swept


def add_to_arguments(config: pytest.Config) -> None:
    """Let pytest collect pyproject.toml too, if no path was given: whatever testpaths says."""
    settings = config.stash[SETTINGS]
    if not settings.config.models or config.args_source is pytest.Config.ArgsSource.ARGS:
        return
    file = settings.root / FILE
    given = [(config.invocation_params.dir / arg).resolve() for arg in config.args]
    if not any(path in (file, *file.parents) for path in given):
        config.args.append(str(file))


def collect(file_path: Path, parent: pytest.Collector) -> ModelsFile | None:
    """Return the collector of the models, if this is the file that has them."""
    settings = parent.config.stash[SETTINGS]
    if file_path != settings.root / FILE or not settings.config.models:
        return None
    return ModelsFile.from_parent(parent, path=file_path)


class ModelsFile(pytest.File):
    """Pytest's rootdir/pyproject.toml."""

    def collect(self) -> Iterator[ModelItem]:
        """Yield a test for each model; nothing is imported yet."""
        for model in self.config.stash[SETTINGS].config.models:
            yield ModelItem.from_parent(self, name=model.name, model=model)


class ModelItem(pytest.Item):
    """Builds one network, measures it, and holds it to its limits."""

    def __init__(self, *, model: Model, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.model = model
        self.stash[LEVELS] = (model.limits,)
        self.add_marker("burden")  # so that -m burden finds it

    def runtest(self) -> None:
        """Measure; what the network itself raises is raised, the rest becomes a verdict."""
        settings = self.config.stash[SETTINGS]
        if not settings.enforced:
            pytest.skip("limits are off: --no-burden")
        record = record_of(self)
        outcome: Any
        swept = Swept()
        model = self.model
        try:
            with _importable(settings.root):
                target = measuring.imported(model.build)
                outcome, swept = measuring.measured(
                    settings,
                    target,
                    model.inputs,
                    model.kwargs,
                    runs=record.runs(Name(), [model.limits], model.training),
                    sizes=measuring.Sizes(model.sizes, model.vary, model.until),
                )
        except MeasureError as error:
            outcome = Failure(Kind.INCOMPLETE, str(error))
        except BurdenError as error:
            place = f'{FILE}:{model.line}: build = "{model.build}"'
            outcome = Failure(Kind.ERROR, f"{error}\n{place}")
        except Exception as error:
            failure = Failure(Kind.ERROR, f"{type(error).__name__}: {error}")
            record.measured.append(Measured(Name(), failure))
            raise
        record.measured.append(Measured(Name(), outcome, swept=swept))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Return the traceback of the network's own code, without pytest's and ours before it."""
        if isinstance(excinfo.value, pytest.fail.Exception):
            return super().repr_failure(excinfo, style)
        chosen = self.config.getoption("tbstyle", "auto")
        return excinfo.getrepr(
            # Most frames are torch's, and its source is no news.
            style="short" if chosen == "auto" else chosen,
            tbfilter=lambda raised: raised.traceback.cut(path=measuring.__file__).filter(raised),
        )

    def reportinfo(self) -> tuple[Path, int, str]:
        """Return the table that names the model."""
        return self.path, self.model.line - 1, self.name


@contextmanager
def _importable(root: Path) -> Iterator[None]:
    """Let modules beside pyproject.toml be imported, as under ``python -m pytest``."""
    sys.path.append(str(root))
    try:
        yield
    finally:
        sys.path.remove(str(root))
