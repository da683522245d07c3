// SPDX-License-Identifier: Apache-2.0
#include "fastrcf/random_cut_tree.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <new>

#include "kernels/kernels.hpp"

namespace fastrcf {
namespace {

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

namespace {

/// The dimensions of all cuts of trees whose points have one coordinate. Nobody writes them.
std::uint16_t zero_dimensions[kMaxSampleSize + 1];

/// Calls each(array, items per node, whether leaves have a place too) for the arrays of a tree that own memory.
template <class Each>
void for_arrays(bool many_dimensions, Each each) {
    each(&TreeArrays::payload, 1U, true);
    each(&TreeArrays::child, 2U, false);
    each(&TreeArrays::parent, 1U, true);
    each(&TreeArrays::mass, 1U, true);
    each(&TreeArrays::box_slot, 1U, false);
    if (many_dimensions) each(&TreeArrays::dimension, 1U, false);
}

/// Places for n internal nodes and the first leaf, or for the other leaves too.
std::size_t n_places(std::size_t n_internal, bool with_leaves) {
    return n_internal == 0 ? 0 : n_internal + 1 + (with_leaves ? n_internal : 0);
}

}  // namespace

// Boxes come first: a box should begin where a cache line does, if it is as long as one.
TreeMemory RandomCutTree::allocate(std::size_t bytes) const {
    const auto alignment = static_cast<std::align_val_t>(
        std::clamp<std::size_t>(box_bytes(1), __STDCPP_DEFAULT_NEW_ALIGNMENT__, kAlignment));
    return TreeMemory(static_cast<std::byte*>(::operator new[](bytes, alignment)), AlignedDelete{alignment});
}

std::size_t RandomCutTree::bytes(Room room) const noexcept {
    std::size_t bytes = box_bytes(room.n_boxes);
    for_arrays(has_many_dimensions(), [&]<class T>(T* TreeArrays::*, std::size_t per_node, bool with_leaves) {
        bytes += n_places(room.n_internal, with_leaves) * per_node * sizeof(T);
    });
    return bytes;
}

/// Lays the arrays of the room there is into memory, so that the item of the internal node with the smallest number
/// comes first.
void RandomCutTree::place_arrays(std::byte* memory) noexcept {
    arrays_.boxes = room_.n_boxes > 0 ? reinterpret_cast<float*>(memory) : nullptr;
    const std::size_t first = arrays_.first_leaf - room_.n_internal;
    auto address = reinterpret_cast<std::uintptr_t>(memory) + box_bytes(room_.n_boxes);
    for_arrays(has_many_dimensions(), [&]<class T>(T* TreeArrays::*array, std::size_t per_node, bool with_leaves) {
        arrays_.*array = reinterpret_cast<T*>(address - first * per_node * sizeof(T));
        address += n_places(room_.n_internal, with_leaves) * per_node * sizeof(T);
    });
    if (!has_many_dimensions()) arrays_.dimension = zero_dimensions;
}

/// Copies what other arrays hold of what both have room for.
void RandomCutTree::copy_arrays(const TreeArrays& from, Room shared) noexcept {
    if (shared.n_boxes > 0) std::memcpy(arrays_.boxes, from.boxes, box_bytes(shared.n_boxes));
    if (shared.n_internal == 0) return;
    const std::size_t first = arrays_.first_leaf - shared.n_internal;
    for_arrays(has_many_dimensions(), [&](auto array, std::size_t per_node, bool with_leaves) {
        const std::size_t n = n_places(shared.n_internal, with_leaves) * per_node;
        std::copy_n(from.*array + first * per_node, n, arrays_.*array + first * per_node);
    });
}

// A node keeps its number when memory grows: leaves are numbered upwards from first_leaf = sample_size and internal
// nodes downwards from there. The arrays hold the numbers that there is memory for, and the pointers to them lie as
// far before them as the smallest of these numbers says.
RandomCutTree::RandomCutTree(const Geometry& geometry, std::uint32_t sample_size) : box_stride_(geometry.box_stride()) {
    arrays_.root = kNoNode;
    arrays_.first_leaf = static_cast<NodeId>(sample_size);
    arrays_.free_internal = arrays_.free_leaf = kNoNode;
    arrays_.free_box = kNoBox;
}

RandomCutTree::RandomCutTree(const RandomCutTree& other)
    : box_stride_(other.box_stride_),
      room_(other.room_),
      memory_(allocate(other.memory_bytes())),
      arrays_(other.arrays_) {
    place_arrays(memory_.get());
    copy_arrays(other.arrays_, room_);
}

namespace {

/// A free box begins with the slot of the next one.
void write_free_box(float* box, std::uint32_t next) noexcept { std::memcpy(box, &next, sizeof next); }
std::uint16_t read_free_box(const float* box) noexcept {
    std::uint32_t next;
    std::memcpy(&next, box, sizeof next);
    return static_cast<std::uint16_t>(next);
}

void prefetch_bytes(const void* first, std::size_t n) noexcept {
#if defined(__GNUC__)
    const auto* byte = static_cast<const std::byte*>(first);
    for (std::size_t at = 0; at < n; at += kAlignment) __builtin_prefetch(byte + at);
#endif
}

}  // namespace

void RandomCutTree::prefetch() const noexcept { prefetch_bytes(memory_.get(), memory_bytes()); }

// Moves into memory for so much, taking along what both memories have a place for; returns what it leaves.
TreeMemory RandomCutTree::move(Room room, TreeMemory memory) noexcept {
    const TreeArrays old = arrays_;
    const Room shared{std::min(room_.n_internal, room.n_internal), std::min(room_.n_boxes, room.n_boxes)};
    room_ = room;
    place_arrays(memory.get());
    copy_arrays(old, shared);
    memory_.swap(memory);
    return memory;
}

// A forest has many trees, so the steps are small. An insertion makes at most one box: that of the new node, or that
// of a node above two leaves which becomes one above a leaf and a node.
void RandomCutTree::grow(Room at_least) {
    constexpr std::uint32_t kBoxes = 4;
    Room room = room_;
    if (at_least.n_internal > room.n_internal) {
        const std::uint32_t larger = room.n_internal + room.n_internal / 8 + 8;
        room.n_internal = std::min<std::uint32_t>(std::max(at_least.n_internal, larger), arrays_.first_leaf);
    }
    if (at_least.n_boxes > room.n_boxes) {
        room.n_boxes = room.n_boxes == 0 ? at_least.n_boxes : std::max(at_least.n_boxes, room.n_boxes + kBoxes);
    }
    enlarge(room, allocate(bytes(room)));
}

void RandomCutTree::enlarge(Room room, TreeMemory memory) {
    Room old = room_;
    const std::uint32_t leaf = arrays_.first_leaf;
    memory = move(room, std::move(memory));
    for (std::uint32_t node = leaf + room.n_internal; node > leaf + old.n_internal; --node) {
        add_free(node, arrays_.free_leaf);
    }
    if (old.n_internal == 0 && room.n_internal > 0) {
        add_free(leaf, arrays_.free_leaf);
        lead_to_itself(leaf, 0);
    }
    if (is_bare()) {  // all internal nodes are free: those near the leaves come first again
        arrays_.free_internal = kNoNode;
        old.n_internal = 0;
    }
    for (std::uint32_t node = leaf - room.n_internal; node < leaf - old.n_internal; ++node) {
        add_free(node, arrays_.free_internal);
        lead_to_itself(node, kNoBox);
    }
    if (old.n_boxes == 0 && room.n_boxes > 0) {
        std::fill_n(arrays_.boxes, box_stride_, -std::numeric_limits<float>::infinity());
        old.n_boxes = 1;
    }
    for (std::uint32_t slot = room.n_boxes; slot-- > old.n_boxes;) add_free_box(slot);
}

void RandomCutTree::add_free_box(std::uint32_t slot) noexcept {
    std::fill_n(box_at(slot), box_stride_, 0.F);
    write_free_box(box_at(slot), arrays_.free_box);
    arrays_.free_box = static_cast<std::uint16_t>(slot);
    ++arrays_.n_free_boxes;
}

void RandomCutTree::add_free(std::uint32_t node, NodeId& head) noexcept {
    arrays_.payload[node] = 0;
    arrays_.mass[node] = 0;
    arrays_.parent[node] = head;
    head = static_cast<NodeId>(node);
}

/// Makes a node that has children and a box its own child.
void RandomCutTree::lead_to_itself(std::uint32_t node, std::uint16_t box_slot) noexcept {
    arrays_.child[2 * node] = arrays_.child[2 * node + 1] = static_cast<NodeId>(node);
    arrays_.box_slot[node] = box_slot;
    if (has_many_dimensions()) arrays_.dimension[node] = 0;
}

// A tree of n points has at most n - 2 boxes of its own.
void RandomCutTree::enter(TreeNursery& nursery, std::uint32_t n_points, bool with_boxes) {
    Room room = room_;
    room.n_internal = std::min<std::uint32_t>(std::max({n_points, room.n_internal, 1U}), arrays_.first_leaf);
    if (with_boxes) room.n_boxes = std::max(room.n_internal + 1, room.n_boxes);
    const std::size_t n_bytes = bytes(room);
    if (nursery.memory == nullptr || nursery.bytes < n_bytes) {
        nursery.memory.reset();
        nursery.bytes = n_bytes + n_bytes / 4;  // for the trees to come
        nursery.memory = allocate(nursery.bytes);
    }
    nursery.lent = nursery.memory.get();
    enlarge(room, std::move(nursery.memory));
}

void RandomCutTree::leave(TreeNursery& nursery) {
    if (memory_.get() != nursery.lent) nursery.bytes = memory_bytes();  // it has outgrown the loan
    const Room room{used_nodes(), used_boxes()};
    TreeMemory memory = allocate(bytes(room));
    forget_free_beyond(room);
    nursery.memory = move(room, std::move(memory));
}

namespace {

/// Takes what `goes` out of a list whose links are read and written by next(item) and link(item, next).
template <class Id, class Goes, class Next, class Link>
void filter_list(Id& head, Id end, const Goes& goes, const Next& next, const Link& link) {
    Id last = end;
    for (Id item = head, after; item != end; item = after) {
        after = next(item);
        if (goes(item)) continue;
        if (last == end) head = item;
        else link(last, item);
        last = item;
    }
    if (last == end) head = end;
    else link(last, end);
}

}  // namespace

// Memory is handed out from the middle of the numbers outwards, and from the first slot upwards, and what was freed
// last is used first: hardly a free place lies before the last one in use.

/// Internal nodes up to the last in use, or up to the one that belongs to the last leaf in use.
std::uint32_t RandomCutTree::used_nodes() noexcept {
    const std::uint32_t leaf = arrays_.first_leaf;
    for (NodeId node = arrays_.free_internal; node != kNoNode; node = arrays_.parent[node]) arrays_.mass[node] = 0;
    std::uint32_t used = room_.n_internal;  // an internal node has mass when it is in use, as a leaf has
    while (used > 1 && arrays_.mass[leaf - used] == 0 && arrays_.mass[leaf + used] == 0) --used;
    return used;
}

std::uint32_t RandomCutTree::used_boxes() const noexcept {
    const std::uint32_t leaf = arrays_.first_leaf;
    std::uint32_t used = room_.n_boxes > 0 ? 1 : 0;
    for (std::uint32_t node = leaf - room_.n_internal; node < leaf; ++node) {
        const std::uint32_t slot = arrays_.box_slot[node];
        if (slot != kNoBox) used = std::max(used, slot + 1);
    }
    return used;
}

void RandomCutTree::forget_free_beyond(Room room) noexcept {
    const std::uint32_t leaf = arrays_.first_leaf;
    for (NodeId* head : {&arrays_.free_internal, &arrays_.free_leaf}) {
        filter_list(
            *head, kNoNode, [&](NodeId node) { return node < leaf - room.n_internal || node > leaf + room.n_internal; },
            [&](NodeId node) { return arrays_.parent[node]; },
            [&](NodeId node, NodeId next) { arrays_.parent[node] = next; });
    }
    filter_list(
        arrays_.free_box, kNoBox,
        [&](std::uint16_t slot) {
            if (slot < room.n_boxes) return false;
            --arrays_.n_free_boxes;
            return true;
        },
        [&](std::uint16_t slot) { return read_free_box(box_at(slot)); },
        [&](std::uint16_t slot, std::uint16_t next) { write_free_box(box_at(slot), next); });
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
    if (arrays_.free_leaf == kNoNode) reserve_nodes(room_.n_internal + 1);
    const NodeId leaf = allocate_leaf();
    arrays_.payload[leaf] = row;
    arrays_.mass[leaf] = 1;
    arrays_.parent[leaf] = kNoNode;
    return leaf;
}

void RandomCutTree::uproot(NodeId leaf) noexcept {
    if (--arrays_.mass[leaf] == 0) free_leaf(leaf);
}

void RandomCutTree::free_leaf(NodeId leaf) noexcept {
    arrays_.mass[leaf] = 0;
    arrays_.parent[leaf] = arrays_.free_leaf;
    arrays_.free_leaf = leaf;
}

}  // namespace fastrcf
