// SPDX-License-Identifier: Apache-2.0
// Points and boxes of one width as vectors: gaps, sides, and where the box of a node comes from.
// Included only by tree_kernels.cpp; everything lives in the namespace of its instruction set.
#pragma once

#include "kernels/kernels.hpp"
#include "kernels/lanes.hpp"

namespace fastrcf::FASTRCF_ISA {
namespace {

template <int D> struct BlockOf { using Type = F16; };
template <> struct BlockOf<4> { using Type = F8; };

/// Points of D padded coordinates (0: known at run time). `Exact` points fill their padding and need no mask.
template <int D, bool Exact>
struct Shape {
    using Block = typename BlockOf<D>::Type;
    using Sum = F8;  ///< of coordinates, before they are added up
    static constexpr int kBlockFloats = D == 4 ? 8 : 16;
    static constexpr int kBlocks = D == 4 ? 1 : D / 8;  ///< 0: known at run time

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
        if constexpr (D > 0) return kBlocks;
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

/// A single coordinate, which fills its box.
template <>
struct Shape<1, true> {
    using Block = F2;
    using Sum = float;
    static constexpr int kBlockFloats = 2;
    static constexpr int kBlocks = 1;

    explicit FASTRCF_INLINE Shape(const Geometry&) {}

    [[nodiscard]] static FASTRCF_INLINE int blocks() { return 1; }
    [[nodiscard]] static FASTRCF_INLINE std::size_t stride() { return 2; }
    [[nodiscard]] static FASTRCF_INLINE Block point(const float* p, int) { return F2::mirrored(*p); }
    [[nodiscard]] static FASTRCF_INLINE Block half(const float* low, const float* high, float sign, int) {
        return {*low, std::bit_cast<float>(std::bit_cast<std::uint32_t>(*high) ^ std::bit_cast<std::uint32_t>(sign))};
    }
    [[nodiscard]] static FASTRCF_INLINE unsigned used_lanes(int) { return 3; }
    [[nodiscard]] static FASTRCF_INLINE Block box(const float* box, int) { return F2::load(box); }
};

template <class S>
struct GapAndSides {
    typename S::Sum gap;    ///< sums to the distance (L1) from the point to the box
    typename S::Sum sides;  ///< sums to minus the sides of the box
};

template <class S>
FASTRCF_INLINE GapAndSides<S> compare(const S& shape, const float* box, const float* point) {
    using Block = typename S::Block;
    const Block zero = Block::all(0.F);
    const Block first = S::box(box, 0);
    auto sides = minus_sides(first);
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

/// Gives an internal node its cut; a single coordinate needs no naming.
template <class S>
FASTRCF_INLINE void set_cut(const S&, const TreeArrays& tree, NodeId node, std::uint16_t dimension, std::int32_t key) {
    tree.payload[node] = key;
    if constexpr (S::kBlockFloats > 2) tree.dimension[node] = dimension;
}

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

/// compare() for a node that may stand above two leaves; keep(b, block) gets the blocks of its box.
template <class S, class Keep>
FASTRCF_INLINE GapAndSides<S> compare_node(const S& shape, const TreeArrays& tree, const Geometry& geometry,
                                        const float* stored, NodeId node, const float* point, const Keep& keep) {
    using Block = typename S::Block;
    const Halves halves = halves_of(shape, tree, geometry, stored, node);
    const Block zero = Block::all(0.F);
    typename S::Sum sides{};
    Block gap = zero;
    for (int b = 0; b < shape.blocks(); ++b) {
        const std::size_t at = halves.step * static_cast<std::size_t>(b);
        const Block side = min(shape.half(halves.low[0] + at, halves.high[0] + at, halves.sign, b),
                               shape.half(halves.low[1] + at, halves.high[1] + at, halves.sign, b));
        keep(b, side);
        const Block out = max(side - shape.point(point, b), zero);
        gap = b == 0 ? out : gap + out;
        sides = b == 0 ? minus_sides(side) : sides + minus_sides(side);
    }
    return {fold(gap), sides};
}

template <class S>
FASTRCF_INLINE GapAndSides<S> compare_node(const S& shape, const TreeArrays& tree, const Geometry& geometry,
                                        const float* stored, NodeId node, const float* point) {
    return compare_node(shape, tree, geometry, stored, node, point, [](int, const auto&) {});
}

}  // namespace
}  // namespace fastrcf::FASTRCF_ISA
