// SPDX-License-Identifier: Apache-2.0
// The arithmetic of an LSTM's cell. Included only by kernels; everything lives in the namespace of its instruction set.
#pragma once

#include "kernels/wide.hpp"

namespace fastrcf::FASTRCF_ISA {

/// What a cell remembers and shows, from the sums of its gates. The logistic function is 1 / (1 + e), the hyperbolic
/// tangent (1 - e) / (1 + e), with e a decay: over a common denominator, one inverse serves several of them.
template <bool First, bool Relu>
FASTRCF_INLINE void turn_cell(Wide i, Wide f, Wide g, Wide o, Wide& cell, Wide& hidden) {
    const Wide let_in = 1.F + decay(i);
    const Wide shown = 1.F + decay(o);
    const Wide fade = Relu ? Wide{} : decay(g, 2.F);
    Wide wanted = Relu ? rectified(g) : 1.F - fade;                 // numerator of what is new
    Wide under = Relu ? let_in : let_in * (1.F + fade);             // denominator
    if constexpr (!First) {
        const Wide kept = 1.F + decay(f);
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
        const Wide rest = decay(cell, 2.F);
        hidden = (1.F - rest) * inverse((1.F + rest) * shown);
    }
}

}  // namespace fastrcf::FASTRCF_ISA
