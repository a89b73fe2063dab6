"""Sparse tensors: their work is in the elements they store, which a shape does not tell."""

from __future__ import annotations

from pytest_burden.engine.rules.registry import aten, free, uncounted

uncounted(
    *aten("_sparse_addmm _sparse_mm _sparse_sparse_matmul _sparse_mm_reduce_impl hspmm sspaddmm"),
    *aten("sparse_sampled_addmm _spsolve _sparse_softmax _sparse_log_softmax _sparse_sum"),
    *aten("_sparse_csr_sum _sparse_csr_prod _coalesce native_norm smm"),
    *aten("_sparse_semi_structured_linear _sparse_semi_structured_mm"),
    *aten("_sparse_semi_structured_addmm _cslt_sparse_mm"),
    *aten("_sparse_softmax_backward_data _sparse_log_softmax_backward_data"),
    *aten("_sparse_sum_backward _sparse_mm_reduce_impl_backward"),
    because="its work depends on how many elements are stored",
)
free(
    *aten("_to_sparse _to_sparse_csr _to_sparse_csc _to_sparse_bsr _to_sparse_bsc _to_dense"),
    *aten("to_sparse to_dense sparse_mask _sparse_mask_projection _sparse_broadcast_to_copy"),
    *aten("sparse_coo_tensor _sparse_coo_tensor_with_dims sparse_compressed_tensor"),
    *aten("_sparse_coo_tensor_with_dims_and_tensors _sparse_compressed_tensor_with_dims"),
    *aten("_sparse_coo_tensor_unsafe _sparse_compressed_tensor_unsafe _spdiags"),
    *aten("sparse_resize sparse_resize_and_clear copy_sparse_to_sparse resize_as_sparse"),
    *aten("_coalesced _convert_indices_from_coo_to_csr _convert_indices_from_csr_to_coo"),
    *aten("_to_sparse_semi_structured _sparse_semi_structured_tile _sparse_semi_structured_apply"),
    *aten("_sparse_semi_structured_apply_dense _cslt_compress"),
    *aten("_validate_compressed_sparse_indices _nnz _dimI _dimV sparse_dim dense_dim is_coalesced"),
    *aten("_indices_copy _values_copy indices_copy values_copy crow_indices_copy"),
    *aten("col_indices_copy ccol_indices_copy row_indices_copy"),
    because="stores the same elements in another form",
)
