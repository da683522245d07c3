// SPDX-License-Identifier: Apache-2.0
// The inner loops of a tree: descent, score, attribution, insertion, deletion, growth. Compiled once per instruction set with
// FASTRCF_ISA naming the namespace, so that no two object files share a function.
#include "kernels/attribute.hpp"
#include "kernels/grow.hpp"

namespace fastrcf::FASTRCF_ISA {
namespace {

template <int D, bool Exact>
constexpr Kernels kTable = {
    descend_run,
    score_run<Shape<D, Exact>>,
    score_across<Shape<D, Exact>>,
    attribute_run<Shape<D, Exact>>,
    attribute_across<Shape<D, Exact>>,
    find_path,
    insert<Shape<D, Exact>>,
    erase<Shape<D, Exact>>,
    make_box<Shape<D, Exact>>,
    grow<Shape<D, Exact>>};

template <int D>
const Kernels& choose(const Geometry& geometry) {
    return geometry.dimensions == D ? kTable<D, true> : kTable<D, false>;
}

}  // namespace

const Kernels& kernels_for(const Geometry& geometry) {
    switch (geometry.padded) {
        case 1: return kTable<1, true>;
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
