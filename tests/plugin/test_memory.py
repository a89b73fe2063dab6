"""Budgets on memory and on training: measured where a limit asks for it, told with what helps."""

from __future__ import annotations

import pytest

from tests.plugin.conftest import Project

# nets.small is a linear layer of 4 x 2 weights and 2 biases, here on one row of 4.
PEAK = 4 * (4 + 2)  # the row and its output
MODEL = 4 * (4 * 2 + 2)
ADAM = (
    (MODEL + MODEL + 2 * MODEL + 2 * 4)  # parameters, gradients, two moments, and the steps
    + 4 * 4  # the input
    + 2 * 4 * (4 * 2)  # the root of the weights' second moment, and that over its correction
)


def test_peak(project: Project) -> None:
    """A limit on the peak is kept at its value and broken by one byte; what is alive is named."""
    test = "@pytest.mark.parametrize('n', [{0}, {0} - 1])\ndef test_it(burden, n):\n"
    test += '    burden(small, "1x4", max_peak_memory=n)'
    result = project(test.format(PEAK))
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "over max_peak_memory by 1 B (4.3 %)",
            "    measured  24 B    forward, float32[[]1, 4[]]",
            "    limit     23 B    test_it.py:5",
            "    largest   input   16 B (66.7 %), float32[[]1, 4[]]",
            "              0       8 B (33.3 %), activations of aten.addmm, float32[[]1, 2[]]",
        ]
    )


@pytest.mark.parametrize(
    "test",
    [
        '@pytest.mark.burden(max_training_memory={0})\ndef test_it(burden): burden(small, "1x4")',
        'def test_it(burden): burden(small, "1x4", max_training_memory={0})',
        'def test_it(burden_session): burden_session(small, "1x4", max_training_memory={0})',
        "@pytest.mark.burden(max_training_memory={0})\ndef test_it(): small()(torch.ones(1, 4))",
        'def test_it(burden): burden(small, "1x4", max_training_memory={0}, training="adam")',
    ],
)
def test_training_is_measured_for_a_limit(project: Project, test: str) -> None:
    """Wherever the limit stands; Adam if nothing else is asked for."""
    head = "import torch\n"
    assert project(head + test.format(ADAM)).ret == pytest.ExitCode.OK
    result = project(head + test.format(ADAM - 1))
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        [
            "*over max_training_memory by 1 B (*",
            f"    measured  {ADAM} B *training step (Adam, for-loop), float32[[]1, 4[]]",
        ]
    )


def test_training_of_a_configured_budget(project: Project) -> None:
    """Also a limit in pyproject.toml asks for a step; without one there is none."""
    config = '[tool.burden.budgets."*::test_it"]\nmax_training_macs = 15\n'
    test = 'def test_it(burden): assert burden(small, "1x4").training_macs == 16'
    result = project(test, config=config)
    result.stdout.fnmatch_lines(["over max_training_macs by 1 MACs (6.7 %)"])
    other = 'def test_other(burden): assert burden(small, "1x4").training_macs is None'
    assert project(f"{test}\n{other}").ret == pytest.ExitCode.TESTS_FAILED
    assert project(other).ret == pytest.ExitCode.OK


def test_how_it_is_trained(project: Project) -> None:
    """The optimizer of the call holds, by name, as a table, or as what makes one."""
    result = project(
        """
        import torch

        @pytest.mark.parametrize("training, text", [
            ("sgd", "SGD, for-loop"),
            ({"optimizer": "AdamW", "foreach": True}, "AdamW, foreach"),
            ({"optimizer": "SGD", "accumulate": 2, "set_to_none": False},
             "SGD, for-loop, 2 batches a step, gradients zeroed in place"),
            (lambda parameters: torch.optim.Adam(parameters, fused=True), "Adam, fused"),
            (torch.optim.RMSprop, "RMSprop, for-loop"),
            (True, "Adam, for-loop"),
            (False, ""),
        ])
        def test_it(burden, training, text):
            assert burden(small, "1x4", training=training).training == text
        """
    )
    result.assert_outcomes(passed=7)


@pytest.mark.parametrize(
    ("training", "says"),
    [
        ("'adamm'", "Invalid training (torch.optim has no such optimizer (nearest: Adam*"),
        ("{'optimizer': 'SGD', 'momentun': 1}", "*takes no 'momentun' (nearest: momentum)*"),
        ("{'accumulate': 0}", "*Invalid accumulate (not a whole number, 1 or more): 0"),
        ("{'set_to_none': 1}", "*Invalid set_to_none (neither True nor False): 1"),
        ("3", "*Invalid training (neither a name, a dictionary nor a callable): 3*"),
        ("torch.optim.SGD([torch.ones(1)])", "*(an optimizer of other parameters): SGD; give *"),
        ("lambda parameters: 3", "*(<lambda> made no torch.optim.Optimizer): 3"),
        ("{'optimizer': 'SGD', 'lr': -1}", "*SGD cannot be made: Invalid learning rate: -1"),
        ("'LBFGS'", "*(a step of LBFGS runs forward and backward as often as it likes; *"),
        (
            "torch.optim.LBFGS",
            "*(a step of LBFGS runs forward and backward as often as it likes; *",
        ),
        ("{'foreach': True, 'fused': True}", "*(Adam is either foreach or fused): both"),
    ],
)
def test_mistakes(project: Project, training: str, says: str) -> None:
    """What is wrong, what was found, what is accepted or near."""
    test = f'import torch\ndef test_it(burden): burden(small, "1x4", training={training})'
    result = project(test)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"*{says}"])


def test_nothing_to_train(project: Project) -> None:
    """A network without a parameter that could learn has no training step, and says so."""
    test = """
        from torch import nn
        frozen = lambda: nn.Linear(4, 2).requires_grad_(False)
        class Apart(nn.Linear):
            def forward(self, x): return x * 2
        def test_none(burden): burden(nn.ReLU(), "1x4", training=True)
        def test_frozen(burden): burden(frozen, "1x4", training=True)
        def test_apart(burden): burden(lambda: Apart(4, 2), "1x4", training=True)
    """
    result = project(test)
    result.assert_outcomes(failed=3)
    result.stdout.fnmatch_lines(
        [
            "*no parameter requires a gradient: there is nothing to train",
            "*no parameter requires a gradient: there is nothing to train",
            "*no floating-point output depends on a parameter: nothing to train",
        ]
    )


MODELS = """
[tool.burden]
target = "cuda"
[tool.burden.models.small]
build = "nets:small"
inputs = ["1x4"]
training = { optimizer = "SGD", momentum = 0.9 }
max_peak_memory = 1024
"""


def test_models(project: Project) -> None:
    """A model in pyproject.toml says how it is trained; for CUDA memory comes in blocks of 512."""
    result = project("", "-vv", config=MODELS)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        [
            "    peak_memory 1 KiB in the forward, at call *: aten.addmm in 0",
            "    saved_memory 0 B when the backward of step 1 begins",
            "    training_memory 4.5 KiB in the backward of step 2, at call *: aten.sum in 0",
            "Counted: *memory in blocks of CUDA's allocator*",
        ]
    )
    result = project("", config=MODELS.replace('"SGD"', '"SDG"'))
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*has no such optimizer (nearest: SGD)*", '    pyproject.toml:5: build = "nets:small"']
    )
    wrong = MODELS.replace('{ optimizer = "SGD", momentum = 0.9 }', "3")
    result = project("", config=wrong)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        [
            "*training = 3",
            "    neither an optimizer's name nor a table of its options; for example: *",
        ]
    )


def test_lower_bounds(project: Project) -> None:
    """What may be more than was seen is no pass, unless the policy accepts it; over is over."""
    test = """
        from torch import nn
        @pytest.mark.parametrize("most", ["1 MiB", 1])
        def test_it(burden, most): burden(lambda: nn.LSTM(4, 4), "3x1x4", max_peak_memory=most)
    """
    result = project(test)
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        [
            "may be over max_peak_memory: not all is counted",
            "    measured  at least *",
            "    kernels of recurrent layers keep memory of their own",
            'Accept lower bounds with [[]tool.burden.policy[]] incomplete = "warn".',
            "over max_peak_memory by *",
        ]
    )
    accepted = project(test, config='[tool.burden.policy]\nincomplete = "warn"\n')
    accepted.assert_outcomes(passed=1, failed=1)
