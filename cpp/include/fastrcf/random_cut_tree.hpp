// SPDX-License-Identifier: Apache-2.0
// One random cut tree: the memory of its nodes and the operations on it. It knows points, not samples or time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>

#include "fastrcf/rng.hpp"
#include "fastrcf/tree_arrays.hpp"

namespace fastrcf {

struct Kernels;
struct TreeScratch;

inline constexpr std::size_t kAlignment = 64;

struct AlignedDelete {
    std::align_val_t alignment{};
    void operator()(std::byte* memory) const noexcept { ::operator delete[](memory, alignment); }
};
using TreeMemory = std::unique_ptr<std::byte[], AlignedDelete>;

/// Memory that trees take many points in, one tree after the other. What a tree keeps is then allocated once and as
/// large as it stays: without holes between the trees.
struct TreeNursery {
    TreeMemory memory;
    std::size_t bytes = 0;            ///< of `memory`, or of what is lent
    const std::byte* lent = nullptr;  ///< to the last tree that came
};

/// Working memory that one thread needs to work on trees of a given sample size.
class TreeWorkspace {
public:
    explicit TreeWorkspace(std::uint32_t sample_size);
    ~TreeWorkspace();
    TreeWorkspace(TreeWorkspace&&) noexcept;
    TreeWorkspace& operator=(TreeWorkspace&&) noexcept;

    TreeScratch& scratch() noexcept { return *scratch_; }
    [[nodiscard]] std::size_t memory_bytes() const noexcept { return bytes_; }

private:
    std::size_t bytes_;
    std::unique_ptr<std::byte[]> memory_;
    std::unique_ptr<TreeScratch> scratch_;
};

class RandomCutTree {
public:
    /// An empty tree for up to `sample_size` points and one more (a new point enters before an old one leaves). Its
    /// memory grows with the points.
    RandomCutTree(const Geometry& geometry, std::uint32_t sample_size);
    RandomCutTree(const RandomCutTree& other);
    RandomCutTree& operator=(const RandomCutTree&) = delete;
    RandomCutTree(RandomCutTree&&) noexcept = default;
    RandomCutTree& operator=(RandomCutTree&&) noexcept = default;

    /// Without a root: its leaves, if there are any, wait to be joined.
    [[nodiscard]] bool is_bare() const noexcept { return arrays_.root == kNoNode; }
    [[nodiscard]] std::uint32_t mass() const noexcept { return is_bare() ? 0 : arrays_.mass[arrays_.root]; }

    /// Points that there is memory for.
    [[nodiscard]] std::uint32_t room() const noexcept { return room_.n_internal; }

    /// Asks for the memory of the tree to come near.
    void prefetch() const noexcept;

    /// Makes room for one more insertion; kernels cannot.
    FASTRCF_INLINE void make_room() {
        const bool is_full = arrays_.free_leaf == kNoNode;
        if (is_full || arrays_.n_free_boxes == 0) grow({room_.n_internal + (is_full ? 1U : 0U), n_boxes_for(1)});
    }

    /// Makes room for the nodes of a tree of that many points, and of one more for a while.
    void reserve_nodes(std::uint32_t n_points) {
        if (n_points > room_.n_internal) grow({n_points, room_.n_boxes});
    }

    /// Makes room for the boxes of that many insertions, and for the box without end, which any tree needs that is
    /// not bare.
    void reserve_boxes(std::uint32_t n_insertions) {
        if (n_boxes_for(n_insertions) > room_.n_boxes) grow({room_.n_internal, n_boxes_for(n_insertions)});
    }

    /// Moves into the memory of a nursery, with room for that many points and one more; a tree that stays bare needs
    /// no boxes.
    void enter(TreeNursery& nursery, std::uint32_t n_points, bool with_boxes);

    /// Moves out of it, into memory for the nodes and boxes up to the last in use.
    void leave(TreeNursery& nursery);

    /// Makes a leaf of a bare tree.
    NodeId plant(std::int32_t row);

    /// Takes one point off a leaf of a bare tree.
    void uproot(NodeId leaf) noexcept;

    /// Frees a leaf that no node leads to.
    void free_leaf(NodeId leaf) noexcept;

    /// The node arrays; kernels work on them.
    [[nodiscard]] TreeArrays& arrays() noexcept { return arrays_; }
    [[nodiscard]] const TreeArrays& arrays() const noexcept { return arrays_; }
    [[nodiscard]] bool is_leaf(NodeId node) const noexcept { return node >= arrays_.first_leaf; }

    /// Sides of the box of any node in one dimension; `stored` are the rows that leaves point into.
    struct Sides {
        float low;
        float high;
    };
    [[nodiscard]] Sides sides(const Geometry& geometry, const float* stored, NodeId node,
                              std::uint32_t dimension) const noexcept;

    /// All sides of the box of any node: `geometry.dimensions` floats each.
    void read_box(const Geometry& geometry, const float* stored, NodeId node, float* low, float* high) const noexcept;

    /// Calls visit(leaf) for every leaf in use.
    template <class Visit>
    void for_each_leaf(Visit visit) const {
        const std::uint32_t first = arrays_.first_leaf;
        for (std::uint32_t leaf = first; leaf < first + n_leaves(); ++leaf) {
            if (arrays_.mass[leaf] > 0) visit(static_cast<NodeId>(leaf));
        }
    }

    /// For rebuilding a saved tree: free nodes, not yet linked.
    NodeId allocate_internal() noexcept;
    NodeId allocate_leaf() noexcept;

    [[nodiscard]] std::size_t memory_bytes() const noexcept { return bytes(room_); }

private:
    /// What there is memory for: internal nodes, and slots of boxes with that of the box without end.
    struct Room {
        std::uint32_t n_internal = 0;
        std::uint32_t n_boxes = 0;
    };

    void grow(Room at_least);
    void enlarge(Room room, TreeMemory memory);
    [[nodiscard]] TreeMemory move(Room room, TreeMemory memory) noexcept;
    [[nodiscard]] TreeMemory allocate(std::size_t bytes) const;
    void place_arrays(std::byte* memory) noexcept;
    void copy_arrays(const TreeArrays& from, Room shared) noexcept;
    [[nodiscard]] std::uint32_t used_nodes() noexcept;
    [[nodiscard]] std::uint32_t used_boxes() const noexcept;
    void forget_free_beyond(Room room) noexcept;
    void add_free(std::uint32_t node, NodeId& head) noexcept;
    void add_free_box(std::uint32_t slot) noexcept;
    void lead_to_itself(std::uint32_t node, std::uint16_t box_slot) noexcept;
    [[nodiscard]] bool has_many_dimensions() const noexcept { return box_stride_ > 2; }
    [[nodiscard]] std::uint32_t n_leaves() const noexcept { return room_.n_internal > 0 ? room_.n_internal + 1 : 0; }
    /// Slots, if so many insertions are to find a free one each.
    [[nodiscard]] std::uint32_t n_boxes_for(std::uint32_t n_insertions) const noexcept {
        const std::uint32_t in_use = room_.n_boxes == 0 ? 1 : room_.n_boxes - arrays_.n_free_boxes;
        return in_use + n_insertions;
    }
    [[nodiscard]] float* box_at(std::uint32_t slot) const noexcept {
        return arrays_.boxes + static_cast<std::size_t>(slot) * box_stride_;
    }
    [[nodiscard]] std::size_t bytes(Room room) const noexcept;
    [[nodiscard]] std::size_t box_bytes(std::uint32_t n_boxes) const noexcept {
        return static_cast<std::size_t>(n_boxes) * box_stride_ * sizeof(float);
    }

    std::uint32_t box_stride_;
    Room room_;
    TreeMemory memory_;
    TreeArrays arrays_{};
};

}  // namespace fastrcf
