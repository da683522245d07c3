// SPDX-License-Identifier: Apache-2.0
#include "fastrcf/random_cut_tree.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <new>

#include "kernels/kernels.hpp"

namespace fastrcf {
namespace {

constexpr std::size_t kAlignment = 64;

constexpr std::size_t round_up(std::size_t value, std::size_t step) { return (value + step - 1) / step * step; }

}  // namespace

// A path can be as long as the tree has leaves; a descent writes a few rows past its end, and the rows before
// its start name the box without end.
TreeWorkspace::TreeWorkspace(std::uint32_t sample_size) : scratch_(std::make_unique<TreeScratch>()) {
    const std::size_t levels = static_cast<std::size_t>(sample_size) + 8;
    constexpr std::size_t kAbove = static_cast<std::size_t>(kLevelsAbove) * kLanes;
    const std::size_t path_bytes = round_up((kAbove + levels * kLanes) * sizeof(NodeId), kAlignment);
    bytes_ = path_bytes + 2 * levels * sizeof(float);
    memory_ = std::make_unique<std::byte[]>(bytes_);
    auto* above = reinterpret_cast<NodeId*>(memory_.get());
    std::fill_n(above, kAbove, static_cast<NodeId>(sample_size));
    scratch_->path = above + kAbove;
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
    constexpr std::size_t kNodeBytes = sizeof(std::int32_t) + 2 * sizeof(NodeId) + 3 * sizeof(std::uint16_t);
    node_bytes_ = n_nodes * kNodeBytes + (static_cast<std::size_t>(n_internal_) + 1) * sizeof(std::uint16_t);
    nodes_.reset(new (std::align_val_t{kAlignment}) std::byte[node_bytes_]);
    std::memset(nodes_.get(), 0, node_bytes_);
    point_arrays_into(nodes_.get());

    arrays_.root = kNoNode;
    arrays_.first_leaf = static_cast<NodeId>(n_internal_);
    for (std::size_t node = 0; node < n_nodes; ++node) {
        const bool last = node + 1 == n_internal_ || node + 1 == n_nodes;
        arrays_.parent[node] = last ? kNoNode : static_cast<NodeId>(node + 1);
        arrays_.child[2 * node] = arrays_.child[2 * node + 1] = static_cast<NodeId>(node);
    }
    arrays_.free_internal = 0;
    arrays_.free_leaf = arrays_.first_leaf;
    arrays_.free_box = kNoBox;
    std::fill_n(arrays_.box_slot, n_internal_, kNoBox);
    grow_boxes(1);
    std::fill_n(arrays_.boxes, box_stride_, -std::numeric_limits<float>::infinity());
}

RandomCutTree::RandomCutTree(const RandomCutTree& other)
    : n_internal_(other.n_internal_), box_stride_(other.box_stride_), node_bytes_(other.node_bytes_), arrays_(other.arrays_) {
    nodes_.reset(new (std::align_val_t{kAlignment}) std::byte[node_bytes_]);
    std::memcpy(nodes_.get(), other.nodes_.get(), node_bytes_);
    point_arrays_into(nodes_.get());
    arrays_.boxes = nullptr;
    n_boxes_ = other.n_boxes_;
    boxes_.reset(new (std::align_val_t{kAlignment}) std::byte[box_bytes(n_boxes_)]);
    std::memcpy(boxes_.get(), other.boxes_.get(), box_bytes(n_boxes_));
    arrays_.boxes = reinterpret_cast<float*>(boxes_.get());
}

void RandomCutTree::point_arrays_into(std::byte* memory) noexcept {
    const std::size_t n_nodes = 2 * static_cast<std::size_t>(n_internal_) + 1;
    const auto take = [&memory]<class T>(T*& array, std::size_t count) {
        array = reinterpret_cast<T*>(memory);
        memory += count * sizeof(T);
    };
    take(arrays_.payload, n_nodes);
    take(arrays_.child, 2 * n_nodes);
    take(arrays_.dimension, n_nodes);
    take(arrays_.parent, n_nodes);
    take(arrays_.mass, n_nodes);
    take(arrays_.box_slot, static_cast<std::size_t>(n_internal_) + 1);
}

// An insertion makes at most one box: that of the new node, or that of a node above two leaves which becomes one
// above a leaf and a node. A forest has many trees, so the steps are small.
void RandomCutTree::reserve_boxes(std::uint32_t n_insertions) {
    constexpr std::uint32_t kStep = 8;
    if (arrays_.n_free_boxes >= n_insertions) return;
    grow_boxes(n_boxes_ + std::max(n_insertions - arrays_.n_free_boxes, kStep));
}

void RandomCutTree::grow_boxes(std::uint32_t n_boxes) {
    std::unique_ptr<std::byte[], AlignedDelete> grown(new (std::align_val_t{kAlignment}) std::byte[box_bytes(n_boxes)]);
    std::memset(grown.get() + box_bytes(n_boxes_), 0, box_bytes(n_boxes - n_boxes_));
    if (n_boxes_ > 0) std::memcpy(grown.get(), boxes_.get(), box_bytes(n_boxes_));
    boxes_ = std::move(grown);
    arrays_.boxes = reinterpret_cast<float*>(boxes_.get());
    for (std::uint32_t slot = n_boxes; slot-- > std::max(n_boxes_, 1U);) {
        const std::uint32_t next = arrays_.free_box;
        std::memcpy(arrays_.boxes + static_cast<std::size_t>(slot) * box_stride_, &next, sizeof next);
        arrays_.free_box = static_cast<std::uint16_t>(slot);
        ++arrays_.n_free_boxes;
    }
    n_boxes_ = n_boxes;
}

RandomCutTree::Sides RandomCutTree::sides(const Geometry& geometry, const float* stored, NodeId node,
                                          std::uint32_t dimension) const noexcept {
    if (is_leaf(node)) {
        const float value = stored[static_cast<std::size_t>(arrays_.payload[node]) * geometry.columns + dimension];
        return {value, value};
    }
    const std::uint16_t slot = arrays_.box_slot[node];
    if (slot != kNoBox) {
        const float* box = arrays_.boxes + static_cast<std::size_t>(slot) * box_stride_ + geometry.lane(dimension);
        return {box[0], 0.0F - box[geometry.side_step()]};
    }
    const float left = sides(geometry, stored, arrays_.child[2 * node], dimension).low;
    const float right = sides(geometry, stored, arrays_.child[2 * node + 1], dimension).low;
    return {std::min(left, right), std::max(left, right)};
}

void RandomCutTree::read_box(const Geometry& geometry, const float* stored, NodeId node, float* low,
                             float* high) const noexcept {
    const std::uint32_t n = geometry.dimensions;
    const auto point_of = [&](NodeId leaf) {
        return stored + static_cast<std::size_t>(arrays_.payload[leaf]) * geometry.columns;
    };
    if (is_leaf(node)) {
        std::copy_n(point_of(node), n, low);
        std::copy_n(point_of(node), n, high);
        return;
    }
    if (arrays_.box_slot[node] == kNoBox) {
        const float* left = point_of(arrays_.child[2 * node]);
        const float* right = point_of(arrays_.child[2 * node + 1]);
        for (std::uint32_t i = 0; i < n; ++i) {
            low[i] = std::min(left[i], right[i]);
            high[i] = std::max(left[i], right[i]);
        }
        return;
    }
    const float* box = arrays_.boxes + static_cast<std::size_t>(arrays_.box_slot[node]) * box_stride_;
    const std::uint32_t step = geometry.side_step();
    for (std::uint32_t first = 0; first < n; first += step, box += 2 * static_cast<std::size_t>(step)) {
        const std::uint32_t width = std::min(step, n - first);
        for (std::uint32_t i = 0; i < width; ++i) {
            low[first + i] = box[i];
            high[first + i] = 0.0F - box[step + i];
        }
    }
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
