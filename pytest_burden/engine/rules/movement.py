"""Operators that make, move, choose or read elements and compute none."""

from __future__ import annotations

from pytest_burden.engine.rules.registry import aten, free

free(
    *aten("_unsafe_view unsafe_split unsafe_split_with_sizes unsafe_chunk _reshape_alias"),
    *aten("alias detach lift lift_fresh squeeze unsqueeze transpose t swapaxes swapdims"),
    *aten("as_strided set resize resize_as _resize_output view reshape expand permute"),
    because="the same storage under another shape",
)
free(
    *aten("clone copy _to_copy _to_cpu lift_fresh_copy detach_copy alias_copy _lazy_clone"),
    *aten("contiguous _copy_from _copy_from_and_resize _pin_memory to_mkldnn _mkldnn_reshape"),
    *aten("_mkldnn_transpose mkldnn_reorder_conv2d_weight mkldnn_reorder_conv3d_weight"),
    *aten("view_copy view_as_complex_copy view_as_real_copy _reshape_copy _reshape_alias_copy"),
    *aten("as_strided_copy expand_copy permute_copy transpose_copy t_copy squeeze_copy"),
    *aten("unsqueeze_copy select_copy slice_copy narrow_copy split_copy split_with_sizes_copy"),
    *aten("unbind_copy unfold_copy diagonal_copy _conj_copy _neg_view_copy _fw_primal_copy"),
    *aten("_make_dual_copy complex"),
    *("mkldnn._reorder_linear_weight", "mkldnn._reorder_convolution_weight"),
    *("mkldnn._reorder_convolution_transpose_weight", "mkldnn._reorder_mkldnn_rnn_layer_weight"),
    *("mkl._mkl_reorder_linear_weight", "onednn.qlinear_prepack", "onednn.qconv_prepack"),
    *("onednn.linear_prepack_fp16",),
    because="copies and casts",
)
free(
    *aten("cat concat concatenate stack _stack hstack vstack dstack _chunk_cat block_diag"),
    *aten("repeat tile repeat_interleave roll flip fliplr flipud rot90 diag_embed diag tril triu"),
    *aten("pixel_shuffle pixel_unshuffle channel_shuffle native_channel_shuffle im2col"),
    *aten("constant_pad_nd reflection_pad1d reflection_pad2d reflection_pad3d"),
    *aten("replication_pad1d replication_pad2d replication_pad3d _pad_circular"),
    *aten("_pack_padded_sequence _pack_sequence _cudnn_rnn_flatten_weight lu_unpack"),
    *aten("_jagged_to_padded_dense_forward _padded_dense_to_jagged_forward to_padded_tensor"),
    *aten("_nested_tensor_from_mask _nested_tensor_from_tensor_list _nested_from_padded"),
    *aten("_nested_from_padded_and_nested_example _nested_from_padded_tensor"),
    *aten("_nested_view_from_buffer_copy _nested_view_from_jagged_copy _nested_get_values_copy"),
    because="lays elements out anew",
)
free(
    *aten("embedding gather index _unsafe_index _unsafe_masked_index index_select take"),
    *aten("take_along_dim masked_select masked_scatter select_scatter slice_scatter"),
    *aten("as_strided_scatter diagonal_scatter index_copy index_fill nonzero nonzero_static"),
    *aten("argwhere nonzero_numpy"),
    because="reads or writes elements where an index says",
)
free(
    *aten("sort argsort msort topk kthvalue median nanmedian mode unique_dim unique_consecutive"),
    *aten("unique_dim_consecutive _unique _unique2 searchsorted bucketize isin"),
    because="orders, searches and chooses elements",
)
free(
    *aten("zeros ones full empty empty_strided empty_permuted eye arange range linspace logspace"),
    *aten("scalar_tensor tril_indices triu_indices _efficientzerotensor from_file fft_fftfreq"),
    *aten("fft_rfftfreq bartlett_window blackman_window hamming_window hann_window kaiser_window"),
    *aten("zeros_like ones_like full_like empty_like new_zeros new_ones new_full new_empty"),
    *aten("new_empty_strided _new_zeros_with_same_feature_meta fill zero fill_diagonal"),
    *aten("_histogramdd_bin_edges _cudnn_init_dropout_state _make_dep_token"),
    because="makes a tensor of constants",
)
free(
    *aten("rand rand_like randn randn_like randint randint_like randperm bernoulli normal uniform"),
    *aten("random exponential cauchy log_normal geometric normal_functional poisson binomial"),
    *aten("multinomial _standard_gamma _sample_dirichlet _philox_normal _philox_uniform"),
    *aten("_philox_key_fold_in _philox_key_split _fill_mem_eff_dropout_mask"),
    "rngprims.philox_rand",
    because="draws random numbers",
)
free(
    *aten("_local_scalar_dense item equal allclose is_nonzero is_same_size is_set_to is_pinned"),
    *aten("_has_same_storage_numel is_non_overlapping_and_dense is_contiguous sym_is_contiguous"),
    *aten("is_strides_like_format size stride numel dim storage_offset sym_size sym_stride"),
    *aten("sym_numel sym_storage_offset sym_constrain_range sym_constrain_range_for_size"),
    *aten("_functional_sym_constrain_range _functional_sym_constrain_range_for_size"),
    *aten("_assert_async _assert_scalar _assert_tensor_metadata _functional_assert_async"),
    *aten("_functional_assert_scalar _linalg_check_errors record_stream _print _fused_sdp_choice"),
    *aten("_nested_tensor_size _nested_tensor_strides _nested_tensor_storage_offsets"),
    *aten("_nested_compute_contiguous_strides_offsets _nested_get_offsets _nested_get_lengths"),
    *aten("_nested_get_ragged_idx _nested_get_min_seqlen _nested_get_max_seqlen"),
    *aten("_nested_get_jagged_dummy _use_cudnn_ctc_loss _use_miopen_ctc_loss qscheme q_scale"),
    *aten("q_zero_point q_per_channel_axis q_per_channel_scales q_per_channel_zero_points"),
    *aten("_debug_has_internal_overlap _get_cpu_capability"),
    *("prim.device", "prim.layout", "profiler._record_function_enter_new"),
    *("profiler._record_function_enter", "profiler._record_function_exit"),
    because="reads and checks, and returns no tensor",
)
free(
    *("prims.add", "prims.sub", "prims.mul", "prims.div"),
    because="gives the shape of a result with torch's zeros that have no elements, on meta",
)
