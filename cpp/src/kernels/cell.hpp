// SPDX-License-Identifier: Apache-2.0
// The arithmetic of an LSTM's cell. Included only by kernels; everything lives in the namespace of its instruction set.
#pragma once

#include "kernels/wide.hpp"

namespace fastrcf::FASTRCF_ISA {

/// What a cell remembers and shows, from the sums of its gates, which come as powers of two: see gate_scale. The logistic
/// function is 1 / (1 + e), the hyperbolic tangent (1 - e) / (1 + e): over a common denominator, one inverse serves
/// several of them.
template <bool First, bool Relu>
FASTRCF_INLINE void turn_cell(Wide i, Wide f, Wide g, Wide o, Wide& cell, Wide& hidden) {
    const Wide let_in = 1.F + power_of_two(i);
    const Wide shown = 1.F + power_of_two(o);
    const Wide fade = Relu ? Wide{} : power_of_two(g);
    Wide wanted = Relu ? rectified(g) : 1.F - fade;      // numerator of what is new
    Wide under = Relu ? let_in : let_in * (1.F + fade);  // denominator
    if constexpr (!First) {
        const Wide kept = 1.F + power_of_two(f);
        wanted = wanted * kept + cell * under;
        under = under * kept;
    }
    if constexpr (Relu) {
        // Made of nothing negative, the state of a cell with ReLU is its own rectification.
        const Wide both = inverse(under * shown);
        cell = wanted * (both * shown);
        hidden = cell * (both * under);
    } else {
        cell = wanted * inverse(under);
        const Wide rest = power_of_two(cell * (2.F * kDecay));
        hidden = (1.F - rest) * inverse((1.F + rest) * shown);
    }
}

}  // namespace fastrcf::FASTRCF_ISA
