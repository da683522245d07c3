// SPDX-License-Identifier: Apache-2.0
// One tree on a test's own points, driven as a forest drives it, and what must hold of any tree.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "fastrcf/cpu.hpp"
#include "fastrcf/random_cut_tree.hpp"
#include "kernels/kernels.hpp"

namespace fastrcf::testing {

using Point = std::vector<float>;

inline std::vector<KernelLevel> available_kernels() {
    std::vector<KernelLevel> levels;
    for (const KernelLevel level : {KernelLevel::kBaseline, KernelLevel::kAvx2, KernelLevel::kAvx512}) {
        if (kernel_available(level)) levels.push_back(level);
    }
    return levels;
}

/// Uses one level until the end of its scope.
class KernelScope {
public:
    explicit KernelScope(KernelLevel level) { use_kernel(level); }
    ~KernelScope() { use_kernel(std::nullopt); }
    KernelScope(const KernelScope&) = delete;
    KernelScope& operator=(const KernelScope&) = delete;
};

inline Point random_point(std::uint32_t dimensions, Rng& rng, double scale = 1.0, double offset = 0.0) {
    Point point(dimensions);
    for (float& value : point)
        value = static_cast<float>(offset + scale * (2.0 * rng.uniform() - 1.0)) + 0.0F;
    return point;
}

class TreeBench {
public:
    TreeBench(std::uint32_t dimensions, std::uint32_t sample_size, std::uint64_t seed)
        : geometry{dimensions, Geometry::pad(dimensions), dimensions},
          tree(geometry, sample_size),
          rng(seed, 0),
          workspace_(sample_size),
          stored_(kReadAhead, 0.0F) {}

    /// Puts a point behind the others and returns its row.
    std::int32_t store(const Point& point) {
        const auto row = static_cast<std::int32_t>((stored_.size() - kReadAhead) / geometry.columns);
        // What lies behind a point is never used; here it would show.
        stored_.resize(stored_.size() - kReadAhead);
        stored_.insert(stored_.end(), point.begin(), point.end());
        stored_.insert(stored_.end(), kReadAhead, 3e29F);
        return row;
    }
    /// Makes the tree of these points at once; returns their leaves.
    std::vector<NodeId> grow(std::span<const Point> points) {
        std::vector<NodeId> leaves;
        for (const Point& point : points) leaves.push_back(tree.plant(store(point)));
        std::copy(leaves.begin(), leaves.end(), workspace_.scratch().path);
        const auto n = static_cast<std::uint32_t>(leaves.size());
        tree.reserve_boxes(n);
        kernels_for(geometry).grow(tree.arrays(), geometry, stored(), n, workspace_.scratch(), rng);
        std::vector<NodeId> merged;
        for (NodeId& leaf : leaves) {
            if (tree.arrays().mass[leaf] > 0) continue;
            merged.push_back(leaf);
            leaf = tree.arrays().parent[leaf];
        }
        for (const NodeId leaf : merged) tree.free_leaf(leaf);
        return leaves;
    }
    NodeId insert(const Point& point) {
        const std::int32_t row = store(point);
        const bool is_first = tree.is_bare();
        if (is_first) tree.arrays().root = tree.plant(row);
        tree.make_room();
        if (is_first) return tree.arrays().root;
        std::vector<std::int32_t> keys(point.size());
        std::transform(point.begin(), point.end(), keys.begin(),
                       [](float value) { return order_key(value); });
        const Kernels& kernels = kernels_for(geometry);
        const PointRows rows{point.data(), keys.data(), stored()};
        kernels.find_path(tree.arrays(), rows, workspace_.scratch());
        return kernels.insert(tree.arrays(), geometry, rows, row, 0, {}, workspace_.scratch(), rng);
    }
    void erase(NodeId leaf) {
        kernels_for(geometry).erase(tree.arrays(), geometry, {nullptr, nullptr, stored()}, leaf, {},
                                    workspace_.scratch());
    }

    [[nodiscard]] const float* stored() const { return stored_.data(); }
    [[nodiscard]] Point point_of(NodeId leaf) const {
        const float* first =
            stored() + static_cast<std::size_t>(tree.arrays().payload[leaf]) * geometry.columns;
        return {first, first + geometry.dimensions};
    }
    [[nodiscard]] std::uint32_t depth_of(NodeId node) const {
        std::uint32_t depth = 0;
        for (; tree.arrays().parent[node] != kNoNode; node = tree.arrays().parent[node]) ++depth;
        return depth;
    }

    Geometry geometry;
    RandomCutTree tree;
    Rng rng;

private:
    TreeWorkspace workspace_;
    std::vector<float> stored_;
};

/// Walks a tree and says what is wrong with it: "" if nothing is.
class TreeCheck {
public:
    TreeCheck(const RandomCutTree& tree, const Geometry& geometry, const float* stored,
              std::uint32_t sample_size)
        : tree_(tree),
          arrays_(tree.arrays()),
          geometry_(geometry),
          stored_(stored),
          sample_size_(sample_size),
          seen_(2 * static_cast<std::size_t>(sample_size) + 1, true) {
        // Numbers that there is no memory for count as seen: nothing may lead to them.
        if (tree.room() == 0) return;
        const auto first = seen_.begin() + (sample_size - tree.room());
        std::fill(first, first + 2 * tree.room() + 1, false);
    }

    std::string defect() {
        if (arrays_.first_leaf != sample_size_) return "first_leaf is not the number of internal nodes";
        if (!tree_.is_bare()) visit(arrays_.root, kNoNode);
        else tree_.for_each_leaf([&](NodeId leaf) { visit(leaf, kNoNode); });
        check_free(arrays_.free_internal, 0, sample_size_);
        check_free(arrays_.free_leaf, sample_size_, 2 * sample_size_ + 1);
        if (arrays_.boxes != nullptr) check_free_boxes();
        if (tree_.room() > 0) check_first_leaf();
        if (std::find(seen_.begin(), seen_.end(), false) != seen_.end())
            fail("a node is neither in use nor free");
        std::size_t leaves = 0;
        tree_.for_each_leaf([&](NodeId) { ++leaves; });
        if (!tree_.is_bare() && leaves != points_.size()) fail("for_each_leaf does not visit the leaves of the tree");
        return defect_;
    }
    /// The points and how often the tree holds each; after defect().
    [[nodiscard]] const std::map<Point, unsigned>& points() const { return points_; }

private:
    struct Below {
        Point low;
        Point high;
        unsigned mass = 0;
    };

    void fail(const std::string& what) {
        if (defect_.empty()) defect_ = what;
    }
    void require(bool condition, const char* what) {
        if (!condition) fail(what);
    }

    Below visit(NodeId node, NodeId parent) {
        if (node >= seen_.size() || seen_[node]) {
            fail("a node is reached twice or is none");
            return {Point(geometry_.dimensions), Point(geometry_.dimensions), 0};
        }
        seen_[node] = true;
        require(arrays_.parent[node] == parent, "a parent is wrong");
        if (tree_.is_leaf(node)) return visit_leaf(node);
        const Below left = visit(arrays_.child[2 * node], node);
        const Below right = visit(arrays_.child[2 * node + 1], node);
        const std::uint16_t cut = arrays_.dimension[node];
        require(cut < geometry_.dimensions, "a cut has no such dimension");
        if (!defect_.empty()) return left;
        require(order_key(left.high[cut]) <= arrays_.payload[node], "a point left of a cut lies right of it");
        require(order_key(right.low[cut]) > arrays_.payload[node], "a point right of a cut lies left of it");
        Below both{left.low, left.high, left.mass + right.mass};
        for (std::size_t i = 0; i < both.low.size(); ++i) {
            both.low[i] = std::min(both.low[i], right.low[i]);
            both.high[i] = std::max(both.high[i], right.high[i]);
        }
        require(arrays_.mass[node] == both.mass, "a mass is not the sum of those below");
        check_box(node, both);
        return both;
    }

    Below visit_leaf(NodeId leaf) {
        require(arrays_.mass[leaf] > 0, "a leaf is empty");
        const float* first = stored_ + static_cast<std::size_t>(arrays_.payload[leaf]) * geometry_.columns;
        const Point point(first, first + geometry_.dimensions);
        const bool is_new = points_.emplace(point, arrays_.mass[leaf]).second;
        require(is_new || tree_.is_bare(), "two leaves hold the same point");
        return {point, point, arrays_.mass[leaf]};
    }

    /// A node above two leaves has no box of its own; every other has one, its own and exact.
    void check_box(NodeId node, const Below& below) {
        for (std::uint32_t i = 0; i < geometry_.dimensions; ++i) {
            const RandomCutTree::Sides sides = tree_.sides(geometry_, stored_, node, i);
            require(sides.low == below.low[i] && sides.high == below.high[i],
                    "a box is not that of its points");
        }
        const std::uint16_t slot = arrays_.box_slot[node];
        const bool above_leaves =
            tree_.is_leaf(arrays_.child[2 * node]) && tree_.is_leaf(arrays_.child[2 * node + 1]);
        require((slot == kNoBox) == above_leaves, "a box is missing or superfluous");
        if (slot == kNoBox) return;
        require(slot > 0 && slots_.insert(slot).second, "two nodes share a box");
        const float* box = arrays_.boxes + static_cast<std::size_t>(slot) * geometry_.box_stride();
        for (std::uint32_t i = geometry_.dimensions; i < geometry_.padded; ++i) {
            const std::uint32_t lane = geometry_.lane(i);
            require(box[lane] == 0.0F && box[lane + geometry_.side_step()] == 0.0F,
                    "the padding of a box is not 0");
        }
    }

    /// It stands for the box without end and is where descents end.
    void check_first_leaf() {
        const NodeId leaf = arrays_.first_leaf;
        require(arrays_.box_slot[leaf] == 0, "the box without end is lost");
        require(arrays_.child[2 * leaf] == leaf && arrays_.child[2 * leaf + 1] == leaf && arrays_.dimension[leaf] == 0,
                "the first leaf leads away from itself");
    }

    void check_free_boxes() {
        const std::span endless(arrays_.boxes, geometry_.box_stride());
        require(std::all_of(endless.begin(), endless.end(), [](float side) { return side == -HUGE_VALF; }),
                "box 0 has an end");
        std::uint32_t slot = arrays_.free_box;
        for (unsigned left = arrays_.n_free_boxes; left > 0; --left) {
            if (slot == 0 || slot >= kNoBox || !slots_.insert(slot).second)
                return fail("the list of free boxes is wrong");
            std::memcpy(&slot, arrays_.boxes + static_cast<std::size_t>(slot) * geometry_.box_stride(),
                        sizeof slot);
        }
        require(slot == kNoBox, "the list of free boxes is longer than its count");
        require(slots_.empty() || *slots_.rbegin() == slots_.size(), "a box is neither in use nor free");
    }

    void check_free(NodeId head, std::uint32_t first, std::uint32_t end) {
        for (NodeId node = head; node != kNoNode; node = arrays_.parent[node]) {
            if (node < first || node >= end || seen_[node]) return fail("a free list holds a wrong node");
            seen_[node] = true;
            if (node < sample_size_) continue;
            require(arrays_.mass[node] == 0, "a free leaf has a mass");
        }
    }

    const RandomCutTree& tree_;
    const TreeArrays& arrays_;
    const Geometry& geometry_;
    const float* stored_;
    std::uint32_t sample_size_;
    std::vector<bool> seen_;
    std::set<std::uint32_t> slots_;
    std::map<Point, unsigned> points_;
    std::string defect_;
};

inline std::string defect_of(const TreeBench& bench) {
    return TreeCheck(bench.tree, bench.geometry, bench.stored(), bench.tree.arrays().first_leaf).defect();
}

}  // namespace fastrcf::testing
