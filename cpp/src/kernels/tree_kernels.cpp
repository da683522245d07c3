// SPDX-License-Identifier: Apache-2.0
// The inner loops of a tree: descent, score, insertion, deletion. Compiled once per instruction set with
// FASTRCF_ISA naming the namespace, so that no two object files share a function.
#include <cstring>

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
    /// Block b from its two sides, the second one with another sign if `sign` is -0.0.
    [[nodiscard]] FASTRCF_INLINE Block half(const float* low, const float* high, float sign, int b) const {
        if constexpr (D == 4) {
            F8 both = with_upper_sign(F8::halves(low, high), sign);
            if constexpr (!Exact) both = both & mask_;
            return both;
        } else {
            F8 first = F8::load(low);
            F8 second = with_sign(F8::load(high), sign);
            if constexpr (!Exact) {
                if (b + 1 == blocks()) {
                    first = first & mask_;
                    second = second & mask_;
                }
            }
            return {first, second};
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
    const Block first = S::box(box, 0);
    F8 sides = minus_sides(first);
    Block gap = max(first - shape.point(point, 0), zero);
    for (int b = 1; b < shape.blocks(); ++b) {
        const Block side = S::box(box, b);
        gap = gap + max(side - shape.point(point, b), zero);
        sides = sides + minus_sides(side);
    }
    return {fold(gap), sides};
}

template <class S>
FASTRCF_INLINE bool same_point(const S& shape, const float* a, const float* b) {
    for (int block = 0; block < shape.blocks(); ++block) {
        if (differ(shape.point(a, block), shape.point(b, block)) != 0) return false;
    }
    return true;
}

FASTRCF_INLINE bool is_leaf(const TreeArrays& tree, NodeId node) { return node >= tree.first_leaf; }
FASTRCF_INLINE bool has_box(const TreeArrays& tree, NodeId node) { return tree.box_slot[node] != kNoBox; }

template <class S>
FASTRCF_INLINE float* box_of(const S& shape, const TreeArrays& tree, NodeId node) {
    return tree.boxes + tree.box_slot[node] * shape.stride();
}

template <class S>
FASTRCF_INLINE const float* leaf_point(const TreeArrays& tree, const Geometry& geometry, const float* stored, NodeId leaf) {
    return stored + static_cast<std::size_t>(tree.payload[leaf]) * geometry.columns;
}

/// Block b of the box of any node; that of a leaf is its point.
template <class S>
FASTRCF_INLINE typename S::Block node_block(const S& shape, const TreeArrays& tree, const Geometry& geometry,
                                            const float* stored, NodeId node, int b) {
    if (is_leaf(tree, node)) return shape.point(leaf_point<S>(tree, geometry, stored, node), b);
    if (has_box(tree, node)) return S::box(box_of(shape, tree, node), b);
    return min(shape.point(leaf_point<S>(tree, geometry, stored, tree.child[2 * node]), b),
               shape.point(leaf_point<S>(tree, geometry, stored, tree.child[2 * node + 1]), b));
}

/// Where the two halves of the box of a node come from that may stand above two leaves: its own box twice, or the
/// two points. Which of them is as good as a coin, so it is chosen without a branch.
struct Halves {
    const float* low[2];   ///< side lo of the first block
    const float* high[2];  ///< side -hi, or the point again when `sign` is -0.0
    std::size_t step;      ///< floats from block to block
    float sign;
};

template <class S>
FASTRCF_INLINE Halves halves_of(const S& shape, const TreeArrays& tree, const Geometry& geometry, const float* stored,
                                NodeId node) {
    const std::uintptr_t points = tree.box_slot[node] == kNoBox ? ~std::uintptr_t{0} : 0;
    const auto box = reinterpret_cast<std::uintptr_t>(tree.boxes) + tree.box_slot[node] * shape.stride() * sizeof(float);
    Halves halves;
    for (unsigned i = 0; i < 2; ++i) {
        // Only a leaf's payload is a row; what comes of another payload is not used.
        const auto row = static_cast<std::uintptr_t>(static_cast<std::intptr_t>(tree.payload[tree.child[2 * node + i]]));
        const auto point = reinterpret_cast<std::uintptr_t>(stored) + row * geometry.columns * sizeof(float);
        halves.low[i] = reinterpret_cast<const float*>((point & points) | (box & ~points));
        halves.high[i] = reinterpret_cast<const float*>((point & points) |
                                                        ((box + S::kBlockFloats / 2 * sizeof(float)) & ~points));
    }
    halves.step = S::kBlockFloats - (S::kBlockFloats / 2 & points);
    halves.sign = std::bit_cast<float>(static_cast<std::uint32_t>(0x80000000U & points));
    return halves;
}

/// compare() for a node that may stand above two leaves.
template <class S>
FASTRCF_INLINE GapAndSides compare_node(const S& shape, const TreeArrays& tree, const Geometry& geometry,
                                        const float* stored, NodeId node, const float* point) {
    using Block = typename S::Block;
    const Halves halves = halves_of(shape, tree, geometry, stored, node);
    const Block zero = Block::all(0.F);
    F8 sides = F8::all(0.F);
    Block gap = zero;
    for (int b = 0; b < shape.blocks(); ++b) {
        const std::size_t at = halves.step * static_cast<std::size_t>(b);
        const Block side = min(shape.half(halves.low[0] + at, halves.high[0] + at, halves.sign, b),
                               shape.half(halves.low[1] + at, halves.high[1] + at, halves.sign, b));
        const Block out = max(side - shape.point(point, b), zero);
        gap = b == 0 ? out : gap + out;
        sides = b == 0 ? minus_sides(side) : sides + minus_sides(side);
    }
    return {fold(gap), sides};
}

// ---- descent --------------------------------------------------------------------------------------------

// Compilers keep lane pointers in vector registers and fetch them from there at every step, which costs more than
// the step itself. The descent is integer work.
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__)
#define FASTRCF_INTEGER_ONLY __attribute__((target("general-regs-only")))
#else
#define FASTRCF_INTEGER_ONLY
#endif

/// Leads W lanes down together and returns the number of steps: rows 0 … steps of the path hold nodes. A leaf
/// leads to itself, so lanes that have arrived wait for the others. With `Across` every lane has its own tree and
/// all have the same point; otherwise points lie `Columns` keys apart (0: known at run time).
template <int W, int Columns, bool Across>
FASTRCF_INTEGER_ONLY int walk(const TreeArrays* const* trees, const std::int32_t* keys, std::size_t stride, int width,
                              NodeId* path) {
    constexpr int kStepsBetweenChecks = 3;
    const std::int32_t* key[W];
    const TreeArrays* own[W];
    for (int l = 0; l < W; ++l) {
        const int lane = l < width ? l : width - 1;  // lanes past the width repeat the last one
        own[l] = trees[Across ? lane : 0];
        key[l] = keys + (Across ? 0 : static_cast<std::size_t>(lane) * stride);
        path[l] = own[l]->root;
    }
    const TreeArrays& one = *trees[0];
    const std::uint16_t* dimensions = one.dimension;
    const std::int32_t* payloads = one.payload;
    const NodeId* children = one.child;
    const unsigned first_leaf = one.first_leaf;
    int steps = 0;
    for (unsigned lowest = 0; lowest < first_leaf;) {
        for (int step = 0; step < kStepsBetweenChecks; ++step) {
            lowest = kNoNode;
#pragma GCC unroll 16
            for (int l = 0; l < W; ++l) {
                const unsigned at = path[l];
                if constexpr (Across) {
                    dimensions = own[l]->dimension;
                    payloads = own[l]->payload;
                    children = own[l]->child;
                }
                const std::int32_t* mine = Columns > 0 ? keys + l * Columns : key[l];
                const unsigned right = mine[dimensions[at]] > payloads[at] ? 1U : 0U;
                path[kLanes + l] = children[2 * at + right];
            }
            path += kLanes;
            ++steps;
        }
        for (int l = 0; l < W; ++l) lowest = path[l] < lowest ? path[l] : lowest;
    }
    return steps;
}

template <int W, int Columns, bool Across>
void descend(const TreeArrays* const* trees, const std::int32_t* keys, std::size_t stride, int width,
             TreeScratch& scratch) {
    const int steps = walk<W, Columns, Across>(trees, keys, stride, width, scratch.path);
    const unsigned first_leaf = trees[0]->first_leaf;
    std::uint16_t depth[kLanes] = {};
    for (const NodeId* at = scratch.path; at != scratch.path + steps * kLanes; at += kLanes) {
        for (int l = 0; l < kLanes; ++l) {
            depth[l] = static_cast<std::uint16_t>(depth[l] + (at[l] < first_leaf ? 1 : 0));
        }
    }
    for (int l = 0; l < kLanes; ++l) scratch.depth[l] = depth[l];
}

void find_path(const TreeArrays& tree, const PointRows& rows, TreeScratch& scratch) {
    const TreeArrays* one = &tree;
    descend<1, 0, false>(&one, rows.keys, 0, 1, scratch);
}

void descend_run(const TreeArrays& tree, const Geometry& geometry, const PointRows& rows, int width,
                 TreeScratch& scratch) {
    const TreeArrays* one = &tree;
    if (width < kLanes) {
        (width <= 4 ? descend<4, 0, false> : descend<16, 0, false>)(&one, rows.keys, geometry.columns, width, scratch);
    } else {
        (geometry.columns == 1 ? descend<16, 1, false> : descend<16, 0, false>)(&one, rows.keys, geometry.columns,
                                                                                width, scratch);
    }
}

// ---- score ----------------------------------------------------------------------------------------------

// From the leaf upwards, s <- P/(k+1) + (1-P)·s at depth k, where P = gap/(sides + gap) is the chance that a cut
// of the box grown by the point separates the point (Guha et al. 2016, section 3; forest score of the open
// reference implementation). Four ancestors are taken at once, without masks: once the point is inside a box it
// is inside all boxes above, where P = 0 changes nothing; above the root stand boxes without end.

/// A lane on its way up.
struct Climb {
    const NodeId* at;  ///< in the path; the next ancestor is kLanes before
    int depth;         ///< levels left
    float score;
};

/// Starts at the leaf; false when the point equals the leaf's, which is inside all boxes.
template <class S>
FASTRCF_INLINE bool start_at_leaf(const S& shape, const TreeArrays& tree, const Geometry& geometry,
                                  const ScoreTables& tables, const float* stored, const float* point, int lane,
                                  const TreeScratch& scratch, Climb& climb) {
    climb.depth = scratch.depth[lane];
    climb.at = scratch.path + climb.depth * kLanes + lane;
    const NodeId leaf = *climb.at;
    climb.score = tables.inverse_depth[-climb.depth];
    if (!same_point(shape, point, leaf_point<S>(tree, geometry, stored, leaf))) return true;
    const auto mass = static_cast<float>(tree.mass[leaf]);
    const float damp = 1.F - mass / (2.F * static_cast<float>(tree.mass[tree.root]));
    climb.score = damp / (static_cast<float>(climb.depth) + tables.log2_mass[tree.mass[leaf]]);
    return false;
}

/// Takes four ancestors into the score; true when the point still stands out of the last one. Only the first one
/// of all, the parent of a leaf, may stand above two leaves.
template <bool First, class S>
FASTRCF_INLINE bool climb_four(const S& shape, const TreeArrays& tree, const Geometry& geometry,
                               const ScoreTables& tables, const float* stored, const float* point, Climb& climb) {
    F8 gaps[4];
    F8 sides[4];
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
        climb.at -= kLanes;
        const GapAndSides level = First && i == 0
                                      ? compare_node(shape, tree, geometry, stored, *climb.at, point)
                                      : compare(shape, box_of(shape, tree, *climb.at), point);
        gaps[i] = level.gap;
        sides[i] = level.sides;
    }
    const auto [gap, minus_range] = sum_rows(gaps, sides);
    const F4 chance = gap / (gap - minus_range);
    const F4 miss = F4::all(1.F) - chance;
    F4 miss_above = miss * shift_in_ones<1>(miss);
    miss_above = miss_above * shift_in_ones<2>(miss_above);  // lane i: nothing separates at i or higher up
    const F4 share = chance * F4::load(tables.inverse_depth - (climb.depth - 1));
    climb.score = (share * shift_in_ones<1>(miss_above)).sum() + climb.score * miss_above.first();
    climb.depth -= 4;
    return gap.last() != 0.F;
}

/// The integer nearest to a score, ties to even: adding and taking away 1.5 * 2^52 rounds everywhere alike.
FASTRCF_INLINE std::int64_t fixed_point(float score) {
    constexpr double kMagic = 6755399441055744.0;
    return static_cast<std::int64_t>((static_cast<double>(score) + kMagic) - kMagic);
}

FASTRCF_INLINE float normaliser(const TreeArrays& tree, const ScoreTables& tables) {
    return tables.log2_mass[tree.mass[tree.root]] * kScoreScale;
}

/// Scores lanes [from, to) of a descent. Most points stand out of at most four boxes; the others go on in a
/// second round, so that the first needs no branch.
template <class S, class TreeOf, class PointOf, class Take>
FASTRCF_INLINE void score_lanes(const S& shape, const Geometry& geometry, const ScoreTables& tables,
                                const float* stored, int from, int to, const TreeScratch& scratch,
                                const TreeOf& tree_of, const PointOf& point_of, const Take& take) {
    Climb climbs[kLanes];
    unsigned open = 0;
    for (int l = from; l < to; ++l) {
        const TreeArrays& tree = tree_of(l);
        const float* point = point_of(l);
        if (start_at_leaf(shape, tree, geometry, tables, stored, point, l, scratch, climbs[l])) {
            open |= (climb_four<true>(shape, tree, geometry, tables, stored, point, climbs[l]) ? 1U : 0U) << l;
        }
    }
    for (; open != 0; open &= open - 1) {
        const int l = std::countr_zero(open);
        while (climbs[l].depth > 0 &&
               climb_four<false>(shape, tree_of(l), geometry, tables, stored, point_of(l), climbs[l])) {
        }
    }
    for (int l = from; l < to; ++l) take(l, climbs[l].score);
}

template <class S>
void score_run(const TreeArrays& tree, const Geometry& geometry, const ScoreTables& tables, const PointRows& rows,
               int from, int to, std::int64_t* sums, const TreeScratch& scratch) {
    const S shape(geometry);
    const std::size_t stride = geometry.columns;
    const float norm = normaliser(tree, tables);
    score_lanes(
        shape, geometry, tables, rows.stored, from, to, scratch, [&](int) -> const TreeArrays& { return tree; },
        [&](int l) { return rows.values + static_cast<std::size_t>(l) * stride; },
        [&](int l, float score) { sums[l] += fixed_point(score * norm); });
}

template <class S>
std::int64_t score_across(const TreeArrays* const* trees, std::size_t n, const Geometry& geometry,
                          const ScoreTables& tables, const PointRows& rows, TreeScratch& scratch) {
    const S shape(geometry);
    std::int64_t total = 0;
    for (std::size_t start = 0; start < n; start += kLanes) {
        const int width = n - start < kLanes ? static_cast<int>(n - start) : kLanes;
        const TreeArrays* const* group = trees + start;
        descend<kLanes, 0, true>(group, rows.keys, 0, width, scratch);
        score_lanes(
            shape, geometry, tables, rows.stored, 0, width, scratch,
            [&](int l) -> const TreeArrays& { return *group[l]; }, [&](int) { return rows.values; },
            [&](int l, float score) { total += fixed_point(score * normaliser(*group[l], tables)); });
    }
    return total;
}

// ---- paths after a change -------------------------------------------------------------------------------
// Points that follow in the same group have walked down before the change. Only those whose path runs through
// the changed place need another path, and nearly all of it is right.

FASTRCF_INLINE NodeId* step_of(TreeScratch& scratch, unsigned level, unsigned lane) {
    return scratch.path + level * kLanes + lane;
}

/// A node has been put in at `level`, above `sibling`, with the new leaf `fresh` on its other side.
FASTRCF_INLINE void mend_after_insert(const TreeArrays& tree, const Geometry& geometry, const std::int32_t* keys,
                                      unsigned level, NodeId sibling, NodeId node, NodeId fresh, Following lanes,
                                      TreeScratch& scratch) {
    for (auto l = static_cast<unsigned>(lanes.from); l < static_cast<unsigned>(lanes.to); ++l) {
        if (scratch.depth[l] < level || *step_of(scratch, level, l) != sibling) continue;
        const bool right = keys[l * geometry.columns + tree.dimension[node]] > tree.payload[node];
        if (tree.child[2 * node + (right ? 1 : 0)] == fresh) {
            scratch.depth[l] = static_cast<std::uint16_t>(level + 1);
            *step_of(scratch, level + 1, l) = fresh;
        } else {
            for (unsigned k = scratch.depth[l] + 1U; k > level; --k) {
                *step_of(scratch, k, l) = *step_of(scratch, k - 1, l);
            }
            ++scratch.depth[l];
        }
        *step_of(scratch, level, l) = node;
    }
}

/// `node`, which stood at `level`, has gone together with its child `leaf`; `sibling` took its place.
FASTRCF_INLINE void mend_after_erase(const TreeArrays& tree, const Geometry& geometry, const std::int32_t* keys,
                                     unsigned level, NodeId node, NodeId leaf, NodeId sibling, Following lanes,
                                     TreeScratch& scratch) {
    for (auto l = static_cast<unsigned>(lanes.from); l < static_cast<unsigned>(lanes.to); ++l) {
        if (scratch.depth[l] <= level || *step_of(scratch, level, l) != node) continue;
        unsigned k = level;
        if (*step_of(scratch, level + 1, l) == leaf) {
            NodeId at = sibling;
            for (; !is_leaf(tree, at); ++k) {
                *step_of(scratch, k, l) = at;
                const bool right = keys[l * geometry.columns + tree.dimension[at]] > tree.payload[at];
                at = tree.child[2 * at + (right ? 1 : 0)];
            }
            *step_of(scratch, k, l) = at;
        } else {
            for (; k < scratch.depth[l]; ++k) *step_of(scratch, k, l) = *step_of(scratch, k + 1, l);
            --k;
        }
        scratch.depth[l] = static_cast<std::uint16_t>(k);
    }
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

/// Where the running sum of the gaps between a box and a point passes an offset.
struct GapPlace {
    std::uint32_t dimension;
    double offset;  ///< into the gap of that dimension
};

template <class S>
FASTRCF_INLINE GapPlace find_gap(const S& shape, const TreeArrays& tree, const Geometry& geometry, const float* stored,
                                 NodeId node, const float* point, double offset) {
    using Block = typename S::Block;
    GapPlace place{0, 0.0};
    double before = 0.0;
    for (int b = 0; b < shape.blocks(); ++b) {
        float gap[8];
        fold(max(node_block(shape, tree, geometry, stored, node, b) - shape.point(point, b), Block::all(0.F))).store(gap);
        if constexpr (S::kBlockFloats == 8) {  // four coordinates: [lo | -hi] of each
            for (int i = 0; i < 4; ++i) {
                gap[i] = gap[i] + gap[i + 4];
                gap[i + 4] = 0.F;
            }
        }
        double passed[9];
        passed[0] = before;
        unsigned lane = 0;
        unsigned last = 8;
        for (unsigned i = 0; i < 8; ++i) {
            passed[i + 1] = passed[i] + static_cast<double>(gap[i]);
            lane += passed[i + 1] <= offset ? 1U : 0U;
            last = gap[i] > 0.F ? i : last;
        }
        const auto first = static_cast<std::uint32_t>(8 * b);
        if (lane < 8) return {first + lane, offset - passed[lane]};
        // Past the last gap by rounding: the last coordinate with a gap keeps the cut.
        if (last < 8) place = {first + last, offset - passed[last]};
        before = passed[8];
    }
    return place;
}

/// The cut at `offset` into the gaps between the box of a node and the point, taken coordinate by coordinate.
template <class S>
FASTRCF_INLINE Separation separate(const S& shape, const Geometry& geometry, const TreeArrays& tree,
                                   const float* stored, NodeId node, const float* point, double offset) {
    const GapPlace place = find_gap(shape, tree, geometry, stored, node, point, offset);
    const std::uint32_t i = place.dimension;
    float low;
    float high;
    if (is_leaf(tree, node)) {
        low = high = leaf_point<S>(tree, geometry, stored, node)[i];
    } else if (has_box(tree, node)) {
        const float* box = box_of(shape, tree, node) + geometry.lane(i);
        low = box[0];
        high = -box[geometry.side_step()];
    } else {
        const float left = leaf_point<S>(tree, geometry, stored, tree.child[2 * node])[i];
        const float right = leaf_point<S>(tree, geometry, stored, tree.child[2 * node + 1])[i];
        low = left < right ? left : right;
        high = left < right ? right : left;
    }
    const bool below = point[i] < low;
    const float from = below ? point[i] : high;
    const float to = below ? low : point[i];
    // The cut lies in [from, to): rounding may not carry it to the far side.
    const std::int32_t last = order_key(to) - 1;
    std::int32_t key = order_key(static_cast<float>(static_cast<double>(from) + place.offset));
    key = key < order_key(from) ? order_key(from) : key;
    key = key > last ? last : key;
    return {static_cast<std::uint16_t>(i), key, below};
}

template <class S>
void grow_box(const S& shape, float* box, const float* point) {
    for (int b = 0; b < shape.blocks(); ++b) {
        min(S::box(box, b), shape.point(point, b)).store(box + S::kBlockFloats * b);
    }
}

template <class S>
void rebuild_box(const S& shape, TreeArrays& tree, const Geometry& geometry, const float* stored, NodeId node) {
    float* box = box_of(shape, tree, node);
    const NodeId left = tree.child[2 * node];
    const NodeId right = tree.child[2 * node + 1];
    for (int b = 0; b < shape.blocks(); ++b) {
        min(node_block(shape, tree, geometry, stored, left, b), node_block(shape, tree, geometry, stored, right, b))
            .store(box + S::kBlockFloats * b);
    }
}

template <class S>
void make_box(TreeArrays& tree, const Geometry& geometry, const float* stored, NodeId node) {
    const S shape(geometry);
    tree.box_slot[node] = kNoBox;
    if (is_leaf(tree, tree.child[2 * node]) && is_leaf(tree, tree.child[2 * node + 1])) return;
    tree.box_slot[node] = tree.free_box;
    std::uint32_t next;
    std::memcpy(&next, box_of(shape, tree, node), sizeof next);
    tree.free_box = static_cast<std::uint16_t>(next);
    --tree.n_free_boxes;
    rebuild_box(shape, tree, geometry, stored, node);
}

template <class S>
void drop_box(const S& shape, TreeArrays& tree, NodeId node) {
    if (!has_box(tree, node)) return;
    const std::uint32_t next = tree.free_box;
    std::memcpy(box_of(shape, tree, node), &next, sizeof next);
    tree.free_box = tree.box_slot[node];
    tree.box_slot[node] = kNoBox;
    ++tree.n_free_boxes;
}

template <class S>
NodeId insert(TreeArrays& tree, const Geometry& geometry, const PointRows& rows, std::int32_t row, int path_lane,
              Following following, TreeScratch& scratch, Rng& rng) {
    const S shape(geometry);
    const float* stored = rows.stored;
    const float* point = stored + static_cast<std::size_t>(row) * geometry.columns;
    const auto lane = static_cast<unsigned>(path_lane);
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
        const auto [gap, sides] = compare_node(shape, tree, geometry, stored, at(top - 1), point);
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
        if (has_box(tree, at(level))) grow_box(shape, box_of(shape, tree, at(level)), point);
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
    const NodeId above = tree.parent[sibling];
    replace_child(tree, above, sibling, node);
    tree.child[2 * node] = cut.point_is_left ? fresh : sibling;
    tree.child[2 * node + 1] = cut.point_is_left ? sibling : fresh;
    tree.parent[sibling] = node;
    tree.parent[fresh] = node;
    make_box<S>(tree, geometry, stored, node);
    if (above != kNoNode && !has_box(tree, above)) make_box<S>(tree, geometry, stored, above);
    for (unsigned k = 0; k < level; ++k) ++tree.mass[at(k)];
    mend_after_insert(tree, geometry, rows.keys, level, sibling, node, fresh, following, scratch);
    return fresh;
}

template <class S>
bool touches(const S& shape, const float* box, const float* point) {
    for (int b = 0; b < shape.blocks(); ++b) {
        if ((equal(S::box(box, b), shape.point(point, b)) & shape.used_lanes(b)) != 0) return true;
    }
    return false;
}

template <class S>
void erase(TreeArrays& tree, const Geometry& geometry, const PointRows& rows, NodeId leaf, Following following,
           TreeScratch& scratch) {
    const float* stored = rows.stored;
    NodeId above = tree.parent[leaf];
    if (tree.mass[leaf] > 1) {
        --tree.mass[leaf];
        for (; above != kNoNode; above = tree.parent[above]) --tree.mass[above];
        return;
    }
    const S shape(geometry);
    const float* point = leaf_point<S>(tree, geometry, stored, leaf);
    const NodeId node = above;
    NodeId sibling = kNoNode;
    if (node != kNoNode) {
        sibling = tree.child[2 * node + (tree.child[2 * node] == leaf ? 1 : 0)];
        above = tree.parent[node];
        replace_child(tree, above, node, sibling);
        drop_box(shape, tree, node);
        if (above != kNoNode && is_leaf(tree, tree.child[2 * above]) && is_leaf(tree, tree.child[2 * above + 1])) {
            drop_box(shape, tree, above);
        }
        tree.parent[node] = tree.free_internal;
        tree.free_internal = node;
    } else {
        tree.root = kNoNode;
    }
    tree.mass[leaf] = 0;
    tree.parent[leaf] = tree.free_leaf;
    tree.free_leaf = leaf;

    // Boxes shrink as long as the point lay on their boundary; a point strictly inside lies inside all above.
    unsigned level = 0;
    for (; above != kNoNode; above = tree.parent[above]) {
        if (has_box(tree, above)) {
            if (!touches(shape, box_of(shape, tree, above), point)) break;
            rebuild_box(shape, tree, geometry, stored, above);
        }
        --tree.mass[above];
        ++level;
    }
    for (; above != kNoNode; above = tree.parent[above]) {
        --tree.mass[above];
        ++level;
    }
    if (node != kNoNode) mend_after_erase(tree, geometry, rows.keys, level, node, leaf, sibling, following, scratch);
}

template <int D, bool Exact>
constexpr Kernels kTable = {
    descend_run,        score_run<Shape<D, Exact>>, score_across<Shape<D, Exact>>, find_path,
    insert<Shape<D, Exact>>, erase<Shape<D, Exact>>,     make_box<Shape<D, Exact>>};

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
