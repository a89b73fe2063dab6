"""Gradients that treat each element by itself: rectifiers, sigmoid and its kin, softmax.

g is the gradient of the output, x the input, y the output. As in the forward, a sigmoid, a tanh,
an exp is one function value; beside it each sign of the formula is an operation, and so are a
comparison and a selection. Factors that are numbers are folded into one.
"""

from __future__ import annotations

from pytest_burden.engine.rules.registry import Cost, aten, rule
from pytest_burden.engine.spec import Spec


@rule("aten.threshold_backward")
def threshold(out: Spec) -> Cost:
    """The gradient g or 0: a comparison and a selection an element.

    out: any shape. What a relu calls too.
    """
    return Cost(other=2 * out.numel)


@rule("aten.leaky_relu_backward")
def leaky(out: Spec) -> Cost:
    """By the sign of x, g or a·g: a comparison, a product and a selection an element.

    out: any shape.
    """
    return Cost(other=3 * out.numel)


@rule("aten.rrelu_with_noise_backward")
def random_leaky(out: Spec, lower: float, upper: float, training: bool) -> Cost:
    """g·noise in training: a product an element; as `leaky` otherwise.

    out: any shape; noise holds the slopes that were drawn.
    """
    return Cost(other=out.numel) if training and lower < upper else leaky(out)


@rule("aten._prelu_kernel_backward")
def prelu(grad_output: Spec) -> Cost:
    """By the sign of x, g or w·g, and 0 or x·g: 5 operations an element.

    grad_output: any shape. A comparison, two products, two selections; the second gradient, that
    of the slopes, is summed by another operator.
    """
    return Cost(other=5 * grad_output.numel)


@rule(*aten("hardtanh_backward hardshrink_backward softshrink_backward"))
def between(out: Spec) -> Cost:
    """By two bounds, g or 0: two comparisons and a selection an element.

    out: any shape. What a relu6 calls too.
    """
    return Cost(other=3 * out.numel)


@rule("aten.hardsigmoid_backward")
def hardsigmoid(out: Spec) -> Cost:
    """g/6 or 0, by two bounds: two comparisons, a product and a selection an element.

    out: any shape.
    """
    return Cost(other=4 * out.numel)


@rule("aten.hardswish_backward")
def hardswish(out: Spec) -> Cost:
    """0, g·(x/3 + 1/2) or g, by two bounds: 7 operations an element.

    out: any shape. Two comparisons and two selections, two products and a sum.
    """
    return Cost(other=7 * out.numel)


@rule(*aten("sigmoid_backward tanh_backward logit_backward"))
def from_output(out: Spec) -> Cost:
    """g·y·(1 - y), g·(1 - y·y) or g/(x·(1 - x)): 3 operations an element.

    out: any shape.
    """
    return Cost(other=3 * out.numel)


@rule("aten.silu_backward")
def silu(out: Spec) -> Cost:
    """g·s·(1 + x·(1 - s)), s a sigmoid: 5 operations and 1 function value an element.

    out: any shape.
    """
    return Cost(other=5 * out.numel, transcendental=out.numel)


@rule("aten.gelu_backward")
def gelu(out: Spec) -> Cost:
    """g·(P(x) + x·p(x)): 3 operations and 2 function values an element.

    out: any shape. P and p are the normal distribution and its density, approximated or not.
    """
    return Cost(other=3 * out.numel, transcendental=2 * out.numel)


@rule("aten.mish_backward")
def mish(out: Spec) -> Cost:
    """g·(t + x·s·(1 - t·t)), t = tanh(softplus(x)): 6 operations and 3 function values an element.

    out: any shape; s is a sigmoid.
    """
    return Cost(other=6 * out.numel, transcendental=3 * out.numel)


@rule("aten.elu_backward")
def elu(out: Spec, is_result: bool) -> Cost:
    """By the sign, g or g·(y + a): 4 operations; from x, g or g·a·exp(x): a function value too.

    out: any shape; is_result says that y was kept, not x. A comparison, a selection, a product,
    and a sum or a product; so are celu and selu, whose scales are numbers.
    """
    return Cost(other=4 * out.numel, transcendental=0 if is_result else out.numel)


@rule("aten.softplus_backward")
def softplus(out: Spec) -> Cost:
    """g·sigmoid(b·x), or g where b·x is large: 4 operations and 1 function value an element.

    out: any shape. Two products, a comparison, a selection.
    """
    return Cost(other=4 * out.numel, transcendental=out.numel)


@rule("aten.log_sigmoid_backward")
def log_sigmoid(out: Spec) -> Cost:
    """g·(1 - sigmoid(x)): 2 operations and 1 function value an element.

    out: any shape.
    """
    return Cost(other=2 * out.numel, transcendental=out.numel)


@rule("aten.glu_backward")
def glu(grad_output: Spec) -> Cost:
    """With d = g·s, d and d·a·(1 - s), s = sigmoid(b): 4 operations and 1 function value.

    grad_output g: half as large as the input, whose halves are a and b; counted by its elements.
    """
    return Cost(other=4 * grad_output.numel, transcendental=grad_output.numel)


@rule(*aten("_softmax_backward_data _masked_softmax_backward"))
def softmax(output: Spec) -> Cost:
    """y·g - y·sum(y·g): 4 operations an element.

    output: any shape.
    """
    return Cost(other=4 * output.numel)


@rule("aten._log_softmax_backward_data")
def log_softmax(output: Spec) -> Cost:
    """-exp(y)·sum(g) + g: 3 operations and 1 function value an element.

    output: any shape.
    """
    return Cost(other=3 * output.numel, transcendental=output.numel)


@rule("aten.native_dropout_backward")
def dropout(grad_output: Spec) -> Cost:
    """Two products an element: by the mask and by the scale.

    grad_output: any shape.
    """
    return Cost(other=2 * grad_output.numel)


@rule(*aten("_standard_gamma_grad _dirichlet_grad"))
def of_draw(out: Spec) -> Cost:
    """One function value an element: how a number that was drawn moves with its parameter.

    out: any shape.
    """
    return Cost(transcendental=out.numel)


@rule(
    *aten("_fake_quantize_learnable_per_tensor_affine_backward"),
    *aten("_fake_quantize_learnable_per_channel_affine_backward"),
)
def fake_quantize_backward(self: Spec) -> Cost:
    """Within bounds g, and sum(g·(q - z - x/s)), beyond them sum(-g·s): 14 operations an element.

    self: any shape. A quotient, a rounding, a sum and two comparisons; a selection each for q
    and the gradients of x and z; two differences, two products, two sums.
    """
    return Cost(other=14 * self.numel)
