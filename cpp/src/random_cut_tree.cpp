// SPDX-License-Identifier: Apache-2.0
#include "fastrcf/random_cut_tree.hpp"

#include <cstring>
#include <new>

#include "kernels/kernels.hpp"

namespace fastrcf {
namespace {

constexpr std::size_t kAlignment = 64;

constexpr std::size_t round_up(std::size_t value, std::size_t step) { return (value + step - 1) / step * step; }

}  // namespace

// A path can be as long as the tree has leaves; a descent writes a few rows past its end.
TreeWorkspace::TreeWorkspace(std::uint32_t sample_size) : scratch_(std::make_unique<TreeScratch>()) {
    const std::size_t levels = static_cast<std::size_t>(sample_size) + 8;
    const std::size_t path_bytes = round_up(levels * kLanes * sizeof(NodeId), kAlignment);
    bytes_ = path_bytes + 2 * levels * sizeof(float);
    memory_ = std::make_unique<std::byte[]>(bytes_);
    scratch_->path = reinterpret_cast<NodeId*>(memory_.get());
    scratch_->gap = reinterpret_cast<float*>(memory_.get() + path_bytes);
    scratch_->range = scratch_->gap + levels;
}

TreeWorkspace::~TreeWorkspace() = default;
TreeWorkspace::TreeWorkspace(TreeWorkspace&&) noexcept = default;
TreeWorkspace& TreeWorkspace::operator=(TreeWorkspace&&) noexcept = default;

void RandomCutTree::AlignedDelete::operator()(std::byte* memory) const noexcept {
    ::operator delete[](memory, std::align_val_t{kAlignment});
}

RandomCutTree::RandomCutTree(const Geometry& geometry, std::uint32_t sample_size)
    : n_internal_(sample_size), box_stride_(geometry.box_stride()) {
    const std::size_t n_nodes = 2 * static_cast<std::size_t>(sample_size) + 1;
    const std::size_t box_bytes = static_cast<std::size_t>(n_internal_) * box_stride_ * sizeof(float);
    const std::size_t node_bytes = sizeof(std::int32_t) + 2 * sizeof(NodeId) + 3 * sizeof(std::uint16_t);
    bytes_ = round_up(box_bytes + n_nodes * node_bytes, kAlignment);
    memory_.reset(new (std::align_val_t{kAlignment}) std::byte[bytes_]);
    std::memset(memory_.get(), 0, bytes_);
    point_arrays_into(memory_.get());

    arrays_.root = kNoNode;
    arrays_.first_leaf = static_cast<NodeId>(n_internal_);
    for (std::size_t node = 0; node < n_nodes; ++node) {
        const bool last = node + 1 == n_internal_ || node + 1 == n_nodes;
        arrays_.parent[node] = last ? kNoNode : static_cast<NodeId>(node + 1);
        arrays_.child[2 * node] = arrays_.child[2 * node + 1] = static_cast<NodeId>(node);
    }
    arrays_.free_internal = 0;
    arrays_.free_leaf = arrays_.first_leaf;
}

RandomCutTree::RandomCutTree(const RandomCutTree& other)
    : n_internal_(other.n_internal_), box_stride_(other.box_stride_), bytes_(other.bytes_), arrays_(other.arrays_) {
    memory_.reset(new (std::align_val_t{kAlignment}) std::byte[bytes_]);
    std::memcpy(memory_.get(), other.memory_.get(), bytes_);
    point_arrays_into(memory_.get());
}

void RandomCutTree::point_arrays_into(std::byte* memory) noexcept {
    const std::size_t n_nodes = 2 * static_cast<std::size_t>(n_internal_) + 1;
    const auto take = [&memory]<class T>(T*& array, std::size_t count) {
        array = reinterpret_cast<T*>(memory);
        memory += count * sizeof(T);
    };
    take(arrays_.boxes, static_cast<std::size_t>(n_internal_) * box_stride_);
    take(arrays_.payload, n_nodes);
    take(arrays_.child, 2 * n_nodes);
    take(arrays_.dimension, n_nodes);
    take(arrays_.parent, n_nodes);
    take(arrays_.mass, n_nodes);
}

NodeId RandomCutTree::allocate_internal() noexcept {
    const NodeId node = arrays_.free_internal;
    arrays_.free_internal = arrays_.parent[node];
    return node;
}

NodeId RandomCutTree::allocate_leaf() noexcept {
    const NodeId node = arrays_.free_leaf;
    arrays_.free_leaf = arrays_.parent[node];
    return node;
}

NodeId RandomCutTree::plant(std::int32_t row) {
    const NodeId leaf = allocate_leaf();
    arrays_.payload[leaf] = row;
    arrays_.mass[leaf] = 1;
    arrays_.parent[leaf] = kNoNode;
    arrays_.root = leaf;
    return leaf;
}

}  // namespace fastrcf
