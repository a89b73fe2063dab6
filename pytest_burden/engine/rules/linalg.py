"""Dense linear algebra: mostly without a closed count, iterative or different by library."""

from __future__ import annotations

from pytest_burden.engine.rules.registry import Cost, aten, rule, uncounted
from pytest_burden.engine.spec import Spec


@rule("aten.linalg_solve_triangular")
def solve_triangular(self: Spec, unitriangular: bool, out: Spec) -> Cost:
    """Substitution: n (n - 1) / 2 products, and n divisions unless all divisors are 1, a column.

    self (..., n, n), out (..., n, k), or (..., k, n) solved from the right. Golub and Van Loan,
    Matrix Computations, section 3.1.
    """
    n = self.shape[-1]
    columns = out.numel // n if n else 0
    return Cost(columns * (n * (n - 1) // 2), 0 if unitriangular else out.numel)


uncounted(
    *aten("_linalg_det _linalg_slogdet _linalg_solve_ex _linalg_svd _linalg_eigh"),
    *aten("_linalg_eigvals linalg_eig linalg_eigvals linalg_eigh linalg_eigvalsh linalg_svd"),
    *aten("linalg_svdvals linalg_qr linalg_cholesky_ex linalg_cholesky linalg_inv_ex linalg_inv"),
    *aten("linalg_ldl_factor_ex linalg_ldl_factor linalg_ldl_solve linalg_lu linalg_lu_factor"),
    *aten("linalg_lu_factor_ex linalg_lu_solve linalg_lstsq linalg_pinv linalg_matrix_exp"),
    *aten("linalg_householder_product linalg_solve linalg_solve_ex"),
    *aten("linalg_det linalg_slogdet triangular_solve cholesky cholesky_inverse cholesky_solve"),
    *aten("_cholesky_solve_helper geqrf orgqr ormqr svd qr lu_solve _lu_with_info inverse"),
    *aten("matrix_exp pinverse nuclear_norm"),
    because="how much a factorisation computes depends on the library and on the data",
)
