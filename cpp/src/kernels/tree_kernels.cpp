// SPDX-License-Identifier: Apache-2.0
// The inner loops of a tree: descent, score, insertion, deletion. Compiled once per instruction set with
// FASTRCF_ISA naming the namespace, so that no two object files share a function.
#include "kernels/kernels.hpp"
#include "kernels/lanes.hpp"

namespace fastrcf::FASTRCF_ISA {
namespace {

// ---- points and boxes -----------------------------------------------------------------------------------

template <int D> struct BlockOf { using Type = F16; };
template <> struct BlockOf<4> { using Type = F8; };

/// Points of D padded coordinates (0: known at run time). `Exact` points fill their padding and need no mask.
template <int D, bool Exact>
struct Shape {
    using Block = typename BlockOf<D>::Type;
    static constexpr int kBlockFloats = D == 4 ? 8 : 16;

    int blocks_;
    int padded_;
    F8 mask_;  ///< of the last eight (or twice four) coordinates

    explicit FASTRCF_INLINE Shape(const Geometry& geometry)
        : blocks_(D == 4 ? 1 : static_cast<int>(geometry.padded) / 8),
          padded_(static_cast<int>(geometry.padded)),
          mask_(F8::all(0.F)) {
        if constexpr (!Exact) {
            const int width = D == 4 ? 4 : 8;
            const int used = static_cast<int>(geometry.dimensions) - (padded_ - width);
            float lanes[8];
            for (int i = 0; i < 8; ++i) {
                lanes[i] = std::bit_cast<float>(i % width < used ? 0xFFFFFFFFU : 0U);
            }
            mask_ = F8::load(lanes);
        }
    }

    [[nodiscard]] FASTRCF_INLINE int blocks() const {
        if constexpr (D == 4) return 1;
        else if constexpr (D > 0) return D / 8;
        else return blocks_;
    }
    [[nodiscard]] FASTRCF_INLINE std::size_t stride() const {
        if constexpr (D > 0) return 2 * D;
        else return 2 * static_cast<std::size_t>(padded_);
    }
    /// Block b of [p | -p].
    [[nodiscard]] FASTRCF_INLINE Block point(const float* p, int b) const {
        if constexpr (D == 4) {
            F8 both = F8::mirrored4(p);
            if constexpr (!Exact) both = both & mask_;
            return both;
        } else {
            F8 half = F8::load(p + 8 * b);
            if constexpr (!Exact) {
                if (b + 1 == blocks()) half = half & mask_;
            }
            return F16::mirrored(half);
        }
    }
    /// Bits of the lanes of block b that hold coordinates, not padding.
    [[nodiscard]] FASTRCF_INLINE unsigned used_lanes(int b) const {
        constexpr unsigned kAll = D == 4 ? 0xFFU : 0xFFFFU;
        if constexpr (Exact) {
            return kAll;
        } else {
            if (b + 1 < blocks()) return kAll;
            const unsigned half = differ(mask_, F8::all(0.F));
            return D == 4 ? half : half | half << 8;
        }
    }
    [[nodiscard]] static FASTRCF_INLINE Block box(const float* box, int b) {
        return Block::load(box + kBlockFloats * b);
    }
};

struct GapAndSides {
    F8 gap;    ///< sums to the distance (L1) from the point to the box
    F8 sides;  ///< sums to minus the sides of the box
};

template <class S>
FASTRCF_INLINE GapAndSides compare(const S& shape, const float* box, const float* point) {
    using Block = typename S::Block;
    const Block zero = Block::all(0.F);
    Block sides = S::box(box, 0);
    Block gap = max(sides - shape.point(point, 0), zero);
    for (int b = 1; b < shape.blocks(); ++b) {
        const Block side = S::box(box, b);
        gap = gap + max(side - shape.point(point, b), zero);
        sides = sides + side;
    }
    return {fold(gap), fold(sides)};
}

template <class S>
FASTRCF_INLINE bool same_point(const S& shape, const float* a, const float* b) {
    for (int block = 0; block < shape.blocks(); ++block) {
        if (differ(shape.point(a, block), shape.point(b, block)) != 0) return false;
    }
    return true;
}

FASTRCF_INLINE bool is_leaf(const TreeArrays& tree, NodeId node) { return node >= tree.first_leaf; }

template <class S>
FASTRCF_INLINE const float* leaf_point(const TreeArrays& tree, const Geometry& geometry, const float* stored, NodeId leaf) {
    return stored + static_cast<std::size_t>(tree.payload[leaf]) * geometry.columns;
}

/// Block b of the box of any node; that of a leaf is its point.
template <class S>
FASTRCF_INLINE typename S::Block node_block(const S& shape, const TreeArrays& tree, const Geometry& geometry,
                                            const float* stored, NodeId node, int b) {
    return is_leaf(tree, node) ? shape.point(leaf_point<S>(tree, geometry, stored, node), b)
                               : S::box(tree.boxes + node * shape.stride(), b);
}

// ---- descent --------------------------------------------------------------------------------------------

/// Leads W points down together. With `Across`, lane l has its own tree and all lanes the same point.
/// A leaf leads to itself, so lanes that have arrived wait for the others.
template <int W, bool Across>
void descend(const TreeArrays* const* trees, const std::int32_t* keys, std::size_t stride, TreeScratch& scratch) {
    constexpr int kStepsBetweenChecks = 3;
    unsigned node[W];
    const std::int32_t* key[W];
    for (int l = 0; l < W; ++l) {
        node[l] = trees[Across ? l : 0]->root;
        key[l] = keys + (Across ? 0 : static_cast<std::size_t>(l) * stride);
    }
    const unsigned first_leaf = trees[0]->first_leaf;
    NodeId* row = scratch.path;
    bool arrived = false;
    while (!arrived) {
        for (int step = 0; step < kStepsBetweenChecks; ++step) {
#pragma GCC unroll 16
            for (int l = 0; l < W; ++l) {
                const TreeArrays& tree = *trees[Across ? l : 0];
                const unsigned at = node[l];
                row[l] = static_cast<NodeId>(at);
                const unsigned right = key[l][tree.dimension[at]] > tree.payload[at] ? 1U : 0U;
                node[l] = tree.child[2 * at + right];
            }
            row += kLanes;
        }
        unsigned lowest = node[0];
        for (int l = 1; l < W; ++l) lowest = node[l] < lowest ? node[l] : lowest;
        arrived = lowest >= first_leaf;
    }
    for (int l = 0; l < W; ++l) row[l] = static_cast<NodeId>(node[l]);

    std::uint16_t depth[kLanes] = {};
    for (const NodeId* at = scratch.path; at != row; at += kLanes) {
        for (int l = 0; l < kLanes; ++l) {
            depth[l] = static_cast<std::uint16_t>(depth[l] + (at[l] < first_leaf ? 1 : 0));
        }
    }
    for (int l = 0; l < kLanes; ++l) scratch.depth[l] = depth[l];
    scratch.last_lane = W - 1;
}

using Descend = void (*)(const TreeArrays* const*, const std::int32_t*, std::size_t, TreeScratch&);

template <bool Across>
constexpr Descend kDescend[kLanes + 1] = {
    nullptr, descend<1, Across>, descend<2, Across>, descend<3, Across>, descend<4, Across>,
    descend<5, Across>, descend<6, Across>, descend<7, Across>, descend<8, Across>,
    descend<9, Across>, descend<10, Across>, descend<11, Across>, descend<12, Across>,
    descend<13, Across>, descend<14, Across>, descend<15, Across>, descend<16, Across>};

void find_path(const TreeArrays& tree, const PointRows& rows, TreeScratch& scratch) {
    const TreeArrays* one = &tree;
    descend<1, false>(&one, rows.keys, 0, scratch);
}

// ---- score ----------------------------------------------------------------------------------------------

/// Up to eight lanes of a descent, climbed together. `first` is the first lane.
struct Climb {
    const TreeArrays* tree[8];
    const float* point[8];
    int first;
    int width;
};

/// Scores of the lanes, normalised by log2(1 + mass) and scaled (lanes from `width` on are 0).
///
/// From the leaf upwards, s <- P/(k+1) + (1-P)·s at depth k, where P = gap/(sides + gap) is the chance that a
/// cut of the box grown by the point separates the point (Guha et al. 2016, section 3; forest score of the
/// open reference implementation). Once inside a box the point is inside all boxes above: P = 0.
template <class S>
FASTRCF_INLINE F8 climb(const S& shape, const Geometry& geometry, const ScoreTables& tables, const float* stored,
                        const Climb& lanes, const TreeScratch& scratch) {
    float score[8] = {};
    float norm[8] = {};
    float inverse[8] = {};
    alignas(64) float gaps[64] = {};
    alignas(64) float sides[64];
    for (float& side : sides) side = -1.F;
    unsigned level[8];
    unsigned active = 0;
    for (int l = 0; l < lanes.width; ++l) {
        const TreeArrays& tree = *lanes.tree[l];
        const int lane = lanes.first + l;
        const unsigned depth = scratch.depth[lane];
        const NodeId leaf = scratch.path[depth * kLanes + static_cast<unsigned>(lane)];
        const unsigned total = tree.mass[tree.root];
        norm[l] = tables.log2_mass[total] * kScoreScale;
        level[l] = depth;
        if (same_point(shape, lanes.point[l], leaf_point<S>(tree, geometry, stored, leaf))) {
            const auto mass = static_cast<float>(tree.mass[leaf]);
            const float damp = 1.F - mass / (2.F * static_cast<float>(total));
            score[l] = damp / (static_cast<float>(depth) + tables.log2_mass[tree.mass[leaf]]);
        } else {
            score[l] = tables.inverse_depth[depth];
            active |= (depth > 0 ? 1U : 0U) << l;
        }
    }
    F8 s = F8::load(score);
    while (active != 0) {
        float mask[8] = {};
        for (unsigned left = active; left != 0; left &= left - 1) {
            const auto l = static_cast<unsigned>(std::countr_zero(left));
            const unsigned k = --level[l];
            const NodeId node = scratch.path[k * kLanes + static_cast<unsigned>(lanes.first) + l];
            const auto [gap, side] = compare(shape, lanes.tree[l]->boxes + node * shape.stride(), lanes.point[l]);
            gap.store(gaps + 8 * l);
            side.store(sides + 8 * l);
            inverse[l] = tables.inverse_depth[k];
            mask[l] = std::bit_cast<float>(0xFFFFFFFFU);
            active ^= (k == 0 ? 1U : 0U) << l;
        }
        const F8 gap = sum_rows(gaps);
        const F8 chance = (gap / (gap - sum_rows(sides))) & F8::load(mask);
        s = s + chance * (F8::load(inverse) - s);
        active &= differ(chance, F8::all(0.F));
    }
    return s * F8::load(norm);
}

template <class S>
void score_run(const TreeArrays& tree, const Geometry& geometry, const ScoreTables& tables, const PointRows& rows,
               std::size_t n, std::int64_t* sums, TreeScratch& scratch) {
    const S shape(geometry);
    const TreeArrays* one = &tree;
    const std::size_t stride = geometry.columns;
    for (std::size_t start = 0; start < n; start += kLanes) {
        const int width = n - start < kLanes ? static_cast<int>(n - start) : kLanes;
        kDescend<false>[width](&one, rows.keys + start * stride, stride, scratch);
        for (int first = 0; first < width; first += 8) {
            Climb lanes{};
            lanes.first = first;
            lanes.width = width - first < 8 ? width - first : 8;
            for (int l = 0; l < lanes.width; ++l) {
                lanes.tree[l] = &tree;
                lanes.point[l] = rows.values + (start + static_cast<std::size_t>(first + l)) * stride;
            }
            const F8 scores = climb(shape, geometry, tables, rows.stored, lanes, scratch);
            std::int64_t* into = sums + start + first;
            if (lanes.width == 8) {
                add_rounded(scores, into);
            } else {
                std::int64_t part[8] = {};
                add_rounded(scores, part);
                for (int l = 0; l < lanes.width; ++l) into[l] += part[l];
            }
        }
    }
}

template <class S>
std::int64_t score_across(const TreeArrays* const* trees, std::size_t n, const Geometry& geometry,
                          const ScoreTables& tables, const PointRows& rows, TreeScratch& scratch) {
    const S shape(geometry);
    std::int64_t part[8] = {};
    for (std::size_t start = 0; start < n; start += kLanes) {
        const int width = n - start < kLanes ? static_cast<int>(n - start) : kLanes;
        kDescend<true>[width](trees + start, rows.keys, 0, scratch);
        for (int first = 0; first < width; first += 8) {
            Climb lanes{};
            lanes.first = first;
            lanes.width = width - first < 8 ? width - first : 8;
            for (int l = 0; l < lanes.width; ++l) {
                lanes.tree[l] = trees[start + static_cast<std::size_t>(first + l)];
                lanes.point[l] = rows.values;
            }
            add_rounded(climb(shape, geometry, tables, rows.stored, lanes, scratch), part);
        }
    }
    std::int64_t total = 0;
    for (const std::int64_t one : part) total += one;
    return total;
}

// ---- insertion and deletion -----------------------------------------------------------------------------

/// Takes the head of a free list.
FASTRCF_INLINE NodeId take_free(NodeId& head, const NodeId* parent) {
    const NodeId node = head;
    head = parent[node];
    return node;
}

FASTRCF_INLINE void replace_child(TreeArrays& tree, NodeId parent, NodeId old_child, NodeId new_child) {
    if (parent == kNoNode) {
        tree.root = new_child;
    } else {
        tree.child[2 * parent + (tree.child[2 * parent + 1] == old_child ? 1 : 0)] = new_child;
    }
    tree.parent[new_child] = parent;
}

/// A cut that separates a point from a box, and the side of the point.
struct Separation {
    std::uint16_t dimension;
    std::int32_t key;
    bool point_is_left;
};

/// The cut at `offset` into the gaps between the box of a node and the point, taken coordinate by coordinate.
template <class S>
Separation separate(const S& shape, const Geometry& geometry, const TreeArrays& tree, const float* stored,
                    NodeId node, const float* point, double offset) {
    const float* leaf = is_leaf(tree, node) ? leaf_point<S>(tree, geometry, stored, node) : nullptr;
    const float* box = leaf != nullptr ? nullptr : tree.boxes + node * shape.stride();
    Separation cut{};
    for (std::uint32_t i = 0; i < geometry.dimensions; ++i) {
        const float low = leaf != nullptr ? leaf[i] : box[geometry.lane(i)];
        const float high = leaf != nullptr ? leaf[i] : -box[geometry.lane(i) + geometry.side_step()];
        const bool below = point[i] < low;
        if (!below && !(point[i] > high)) continue;
        const float from = below ? point[i] : high;
        const float to = below ? low : point[i];
        const double gap = static_cast<double>(to) - static_cast<double>(from);
        // Past the last gap by rounding: the last coordinate with a gap keeps the cut, at its far end.
        const std::int32_t last = order_key(to) - 1;
        const auto value = static_cast<float>(static_cast<double>(from) + (offset < gap ? offset : gap));
        std::int32_t key = order_key(value);
        key = key < order_key(from) ? order_key(from) : key;
        key = key > last ? last : key;
        cut = {static_cast<std::uint16_t>(i), key, below};
        if (offset < gap) break;
        offset -= gap;
    }
    return cut;
}

template <class S>
void grow_box(const S& shape, float* box, const float* point) {
    for (int b = 0; b < shape.blocks(); ++b) {
        min(S::box(box, b), shape.point(point, b)).store(box + S::kBlockFloats * b);
    }
}

template <class S>
NodeId insert(TreeArrays& tree, const Geometry& geometry, const float* stored, std::int32_t row, TreeScratch& scratch,
              Rng& rng) {
    const S shape(geometry);
    const float* point = stored + static_cast<std::size_t>(row) * geometry.columns;
    const auto lane = static_cast<unsigned>(scratch.last_lane);
    const unsigned depth = scratch.depth[lane];
    const auto at = [&](unsigned k) { return scratch.path[k * kLanes + lane]; };
    const NodeId leaf = at(depth);
    const float* other = leaf_point<S>(tree, geometry, stored, leaf);
    if (same_point(shape, point, other)) {
        for (unsigned k = 0; k <= depth; ++k) ++tree.mass[at(k)];
        return leaf;
    }

    // Upwards: how far the point stands out of each box, until it stands inside.
    unsigned top = depth;
    while (top > 0) {
        const auto [gap, sides] = compare(shape, tree.boxes + at(top - 1) * shape.stride(), point);
        const float distance = sum(gap);
        if (!(distance > 0.F)) break;
        --top;
        scratch.gap[top] = distance;
        scratch.range[top] = distance - sum(sides);
    }

    // Downwards: one draw a level says whether a cut of the grown box would separate the point there.
    unsigned level = top;
    double offset = 0.0;
    for (; level < depth; ++level) {
        offset = rng.uniform() * static_cast<double>(scratch.range[level]);
        if (offset < static_cast<double>(scratch.gap[level])) break;
        grow_box(shape, tree.boxes + at(level) * shape.stride(), point);
    }
    if (level == depth) {  // a leaf is a point: any cut separates
        double distance = 0.0;
        for (std::uint32_t i = 0; i < geometry.dimensions; ++i) {
            const double side = static_cast<double>(point[i]) - static_cast<double>(other[i]);
            distance += side < 0.0 ? -side : side;
        }
        offset = rng.uniform() * distance;
    }

    const NodeId sibling = at(level);
    const Separation cut = separate(shape, geometry, tree, stored, sibling, point, offset);
    const NodeId fresh = take_free(tree.free_leaf, tree.parent);
    const NodeId node = take_free(tree.free_internal, tree.parent);
    tree.payload[fresh] = row;
    tree.mass[fresh] = 1;
    tree.payload[node] = cut.key;
    tree.dimension[node] = cut.dimension;
    tree.mass[node] = static_cast<std::uint16_t>(tree.mass[sibling] + 1);
    float* box = tree.boxes + node * shape.stride();
    for (int b = 0; b < shape.blocks(); ++b) {
        min(node_block(shape, tree, geometry, stored, sibling, b), shape.point(point, b)).store(box + S::kBlockFloats * b);
    }
    replace_child(tree, tree.parent[sibling], sibling, node);
    tree.child[2 * node] = cut.point_is_left ? fresh : sibling;
    tree.child[2 * node + 1] = cut.point_is_left ? sibling : fresh;
    tree.parent[sibling] = node;
    tree.parent[fresh] = node;
    for (unsigned k = 0; k < level; ++k) ++tree.mass[at(k)];
    return fresh;
}

template <class S>
void rebuild_box(TreeArrays& tree, const Geometry& geometry, const float* stored, NodeId node) {
    const S shape(geometry);
    float* box = tree.boxes + node * shape.stride();
    const NodeId left = tree.child[2 * node];
    const NodeId right = tree.child[2 * node + 1];
    for (int b = 0; b < shape.blocks(); ++b) {
        min(node_block(shape, tree, geometry, stored, left, b), node_block(shape, tree, geometry, stored, right, b))
            .store(box + S::kBlockFloats * b);
    }
}

template <class S>
bool touches(const S& shape, const float* box, const float* point) {
    for (int b = 0; b < shape.blocks(); ++b) {
        if ((equal(S::box(box, b), shape.point(point, b)) & shape.used_lanes(b)) != 0) return true;
    }
    return false;
}

template <class S>
void erase(TreeArrays& tree, const Geometry& geometry, const float* stored, NodeId leaf) {
    NodeId above = tree.parent[leaf];
    if (tree.mass[leaf] > 1) {
        --tree.mass[leaf];
        for (; above != kNoNode; above = tree.parent[above]) --tree.mass[above];
        return;
    }
    const S shape(geometry);
    const float* point = leaf_point<S>(tree, geometry, stored, leaf);
    if (above != kNoNode) {
        const NodeId node = above;
        const NodeId sibling = tree.child[2 * node + (tree.child[2 * node] == leaf ? 1 : 0)];
        above = tree.parent[node];
        replace_child(tree, above, node, sibling);
        tree.parent[node] = tree.free_internal;
        tree.free_internal = node;
    } else {
        tree.root = kNoNode;
    }
    tree.mass[leaf] = 0;
    tree.parent[leaf] = tree.free_leaf;
    tree.free_leaf = leaf;

    // Boxes shrink as long as the point lay on their boundary; a point strictly inside lies inside all above.
    for (; above != kNoNode && touches(shape, tree.boxes + above * shape.stride(), point); above = tree.parent[above]) {
        --tree.mass[above];
        rebuild_box<S>(tree, geometry, stored, above);
    }
    for (; above != kNoNode; above = tree.parent[above]) --tree.mass[above];
}

template <int D, bool Exact>
constexpr Kernels kTable = {
    score_run<Shape<D, Exact>>, score_across<Shape<D, Exact>>, find_path,
    insert<Shape<D, Exact>>,    erase<Shape<D, Exact>>,        rebuild_box<Shape<D, Exact>>};

template <int D>
const Kernels& choose(const Geometry& geometry) {
    return geometry.dimensions == D ? kTable<D, true> : kTable<D, false>;
}

}  // namespace

const Kernels& kernels_for(const Geometry& geometry) {
    switch (geometry.padded) {
        case 4: return choose<4>(geometry);
        case 8: return choose<8>(geometry);
        case 16: return choose<16>(geometry);
        case 24: return choose<24>(geometry);
        case 32: return choose<32>(geometry);
        case 48: return choose<48>(geometry);
        default: return geometry.dimensions == geometry.padded ? kTable<0, true> : kTable<0, false>;
    }
}

}  // namespace fastrcf::FASTRCF_ISA
