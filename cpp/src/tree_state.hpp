// SPDX-License-Identifier: Apache-2.0
// One tree and its sample in the bytes of a forest. Included by forest_state.cpp alone.
#pragma once

#include <algorithm>
#include <map>
#include <vector>

#include "byte_stream.hpp"
#include "fastrcf/sampled_tree.hpp"
#include "kernels/kernels.hpp"

namespace fastrcf {

/// Writes a tree depth first, or the leaves of a bare one by rows, and remembers the order of the leaves.
class TreeWriter {
public:
    TreeWriter(ByteWriter& out, const SampledTree& sampled, const Geometry& geometry,
               const std::vector<std::int32_t>& new_rows, std::uint64_t n_rows)
        : out_(out), sampled_(sampled), tree_(sampled.tree().arrays()), geometry_(geometry), new_rows_(new_rows),
          n_rows_(n_rows) {}

    void write() {
        for (const std::uint64_t word : sampled_.rng().state()) out_.put(word);
        out_.put(sampled_.sampler().seed());
        const StreamSampler::Plan& plan = sampled_.sampler().next();
        out_.put(plan.index);
        out_.put(plan.key);
        out_.put(static_cast<std::uint8_t>(plan.replaces ? 1 : 0));
        out_.put(static_cast<std::uint16_t>(sampled_.sampler().entries().size()));
        if (sampled_.tree().is_bare()) write_bare();
        else write_nodes();
        write_keys();
    }

private:
    void write_bare() {
        sampled_.tree().for_each_leaf([&](NodeId leaf) { leaves_.push_back(leaf); });
        std::sort(leaves_.begin(), leaves_.end(),
                  [&](NodeId a, NodeId b) { return tree_.payload[a] < tree_.payload[b]; });
        for (const NodeId leaf : leaves_) write_leaf(leaf);
    }

    void write_nodes() {
        std::vector<NodeId> open;
        if (tree_.root != kNoNode) open.push_back(tree_.root);
        while (!open.empty()) {
            const NodeId node = open.back();
            open.pop_back();
            if (node >= tree_.first_leaf) {
                write_leaf(node);
                leaves_.push_back(node);
            } else {
                out_.put_below(tree_.dimension[node], geometry_.dimensions + 2ULL);
                out_.put(tree_.payload[node]);
                open.push_back(tree_.child[2 * node + 1]);
                open.push_back(tree_.child[2 * node]);
            }
        }
    }

    void write_leaf(NodeId leaf) {
        // Dimension d stands for "leaf", d + 1 for a leaf of more than one point.
        const bool many = tree_.mass[leaf] > 1;
        out_.put_below(geometry_.dimensions + (many ? 1U : 0U), geometry_.dimensions + 2ULL);
        out_.put_below(static_cast<std::uint64_t>(new_rows_[static_cast<std::size_t>(tree_.payload[leaf])]), n_rows_);
        if (many) out_.put(tree_.mass[leaf]);
    }

    /// Keys leaf by leaf in the order of write_nodes, each leaf's in rising order.
    void write_keys() {
        std::vector<std::vector<double>> keys(leaves_.size());
        std::map<NodeId, std::size_t> place;
        for (std::size_t i = 0; i < leaves_.size(); ++i) place[leaves_[i]] = i;
        for (const StreamSampler::Entry& entry : sampled_.sampler().entries()) {
            keys[place.at(entry.leaf)].push_back(entry.key);
        }
        for (std::vector<double>& of_leaf : keys) {
            std::sort(of_leaf.begin(), of_leaf.end());
            for (const double key : of_leaf) out_.put(key);
        }
    }

    ByteWriter& out_;
    const SampledTree& sampled_;
    const TreeArrays& tree_;
    const Geometry& geometry_;
    const std::vector<std::int32_t>& new_rows_;
    std::uint64_t n_rows_;
    std::vector<NodeId> leaves_;
};

/// Rebuilds an empty tree from what TreeWriter wrote, and checks that it is a tree on its points.
class TreeReader {
public:
    TreeReader(ByteReader& in, SampledTree& sampled, const ForestView& forest, double time_decay,
               std::uint64_t n_rows, const std::vector<std::uint8_t>& point_starts)
        : in_(in), sampled_(sampled), tree_(sampled.tree().arrays()), forest_(forest), time_decay_(time_decay),
          n_rows_(n_rows), point_starts_(point_starts) {}

    void read(std::uint64_t n_points, bool is_ready, std::uint32_t version) {
        Rng::State state{};
        for (std::uint64_t& word : state) word = in_.get<std::uint64_t>();
        in_.require(state != Rng::State{}, "a generator's state is invalid");
        sampled_.rng() = Rng(state);
        sampled_.sampler().set_seed(version >= 3 ? in_.get<std::uint64_t>() : Rng(state).bits());
        StreamSampler::Plan plan;
        plan.index = in_.get<std::uint64_t>();
        plan.key = in_.get<double>();
        const auto replaces = in_.get<std::uint8_t>();
        // Every tree takes the very first point: none is empty once there are points.
        in_.require(replaces <= 1 && plan.index >= n_points && (n_points > 0 || plan.index == 0) &&
                        is_key(plan.key, plan.index),
                    "a sampler's plan is invalid");
        plan.replaces = replaces == 1;
        n_entries_ = in_.get<std::uint16_t>();
        const bool full = n_entries_ == sampled_.sampler().capacity();
        in_.require(n_entries_ <= sampled_.sampler().capacity() && (plan.replaces ? n_entries_ > 0 : !full),
                    "a sample has the wrong size");
        in_.require(n_entries_ <= n_points && (n_entries_ > 0) == (n_points > 0), "a sample has the wrong size");
        sampled_.reserve(n_entries_);
        const bool is_bare = !is_ready && version >= 3;
        while (is_bare && points_ < n_entries_) read_bare_leaf();
        if (!is_bare && n_entries_ > 0) read_nodes();
        if (!is_bare && !is_ready) strip();
        for (const NodeId leaf : leaves_) {
            for (unsigned i = 0; i < tree_.mass[leaf]; ++i) {
                const auto key = in_.get<double>();
                in_.require(is_key(key, n_points), "a key is out of range");
                sampled_.sampler().add(key, leaf);
            }
        }
        sampled_.sampler().restore_plan(plan);
    }

private:
    /// Whether a point before number `end` can have the key ln(E) - decay·t: logarithms of draws are far smaller.
    [[nodiscard]] bool is_key(double key, std::uint64_t end) const {
        constexpr double kLargestLogarithm = 256.0;
        return key <= kLargestLogarithm && key >= -kLargestLogarithm - time_decay_ * static_cast<double>(end);
    }

    void read_nodes() {
        struct Link {
            NodeId parent;
            int side;
        };
        std::vector<Link> open{{kNoNode, 0}};
        std::vector<NodeId> internal;
        while (!open.empty()) {
            const Link link = open.back();
            open.pop_back();
            const std::uint64_t kind = in_.get_below(forest_.geometry.dimensions + 2ULL);
            const bool is_leaf = kind >= forest_.geometry.dimensions;
            // Each node still to come needs at least one point of its own.
            in_.require(is_leaf || internal.size() + 2 <= n_entries_, "a tree has too many nodes");
            const NodeId node = is_leaf ? read_leaf(kind > forest_.geometry.dimensions) : sampled_.tree().allocate_internal();
            tree_.parent[node] = link.parent;
            if (link.parent == kNoNode) tree_.root = node;
            else tree_.child[2 * link.parent + link.side] = node;
            if (is_leaf) continue;
            if (forest_.geometry.dimensions > 1) tree_.dimension[node] = static_cast<std::uint16_t>(kind);
            tree_.payload[node] = in_.get<std::int32_t>();
            internal.push_back(node);
            open.push_back({node, 1});
            open.push_back({node, 0});
        }
        in_.require(points_ == n_entries_, "a tree does not hold its sample");
        const auto above_node = [this](NodeId node) {
            return !sampled_.tree().is_leaf(tree_.child[2 * node]) || !sampled_.tree().is_leaf(tree_.child[2 * node + 1]);
        };
        sampled_.tree().reserve_boxes(static_cast<std::uint32_t>(std::count_if(internal.begin(), internal.end(), above_node)));
        for (auto node = internal.rbegin(); node != internal.rend(); ++node) finish(*node);
    }

    void read_bare_leaf() {
        const std::uint64_t kind = in_.get_below(forest_.geometry.dimensions + 2ULL);
        in_.require(kind >= forest_.geometry.dimensions, "a tree has grown too early");
        const NodeId leaf = read_leaf(kind > forest_.geometry.dimensions);
        tree_.parent[leaf] = kNoNode;
        in_.require(leaves_.size() < 2 || tree_.payload[leaves_[leaves_.size() - 2]] < tree_.payload[leaf],
                    "leaves are not in order");
    }

    /// Leaves nothing of a tree but its leaves.
    void strip() {
        RandomCutTree bare(forest_.geometry, sampled_.sampler().capacity());
        bare.reserve_nodes(n_entries_);
        for (NodeId& leaf : leaves_) {
            const NodeId planted = bare.plant(tree_.payload[leaf]);
            bare.arrays().mass[planted] = tree_.mass[leaf];
            leaf = planted;
        }
        sampled_.tree() = std::move(bare);
    }

    NodeId read_leaf(bool many) {
        in_.require(leaves_.size() < n_entries_, "a tree has too many leaves");
        const std::uint64_t row = in_.get_below(n_rows_);
        in_.require(point_starts_[row] != 0, "a leaf's point is not stored");
        const std::uint16_t mass = many ? in_.get<std::uint16_t>() : std::uint16_t{1};
        points_ += mass;
        in_.require(mass >= 1 && points_ <= n_entries_, "a leaf has a wrong mass");
        const NodeId leaf = sampled_.tree().allocate_leaf();
        tree_.payload[leaf] = static_cast<std::int32_t>(row);
        tree_.mass[leaf] = mass;
        leaves_.push_back(leaf);
        return leaf;
    }

    /// Mass and box of a node whose children are finished; the cut must lie between them.
    void finish(NodeId node) {
        const NodeId left = tree_.child[2 * node];
        const NodeId right = tree_.child[2 * node + 1];
        tree_.mass[node] = static_cast<std::uint16_t>(tree_.mass[left] + tree_.mass[right]);
        forest_.kernels.make_box(tree_, forest_.geometry, forest_.stored, node);
        const std::uint32_t dimension = tree_.dimension[node];
        in_.require(order_key(upper(left, dimension)) <= tree_.payload[node] &&
                        order_key(lower(right, dimension)) > tree_.payload[node],
                    "a cut does not separate its points");
    }

    [[nodiscard]] float upper(NodeId node, std::uint32_t dimension) const {
        return sampled_.tree().sides(forest_.geometry, forest_.stored, node, dimension).high;
    }
    [[nodiscard]] float lower(NodeId node, std::uint32_t dimension) const {
        return sampled_.tree().sides(forest_.geometry, forest_.stored, node, dimension).low;
    }

    ByteReader& in_;
    SampledTree& sampled_;
    TreeArrays& tree_;
    const ForestView& forest_;
    double time_decay_;
    std::uint64_t n_rows_;
    const std::vector<std::uint8_t>& point_starts_;
    std::uint32_t n_entries_ = 0;
    std::uint32_t points_ = 0;
    std::vector<NodeId> leaves_;
};

}  // namespace fastrcf
