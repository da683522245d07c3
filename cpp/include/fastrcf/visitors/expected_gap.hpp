// SPDX-License-Identifier: Apache-2.0
// How far a point would stand out when it is cut off: what the strength of a direction is made from.
#pragma once

#include "fastrcf/visitors/density.hpp"

namespace fastrcf {

/// For the point that each row completes: the gap between the point and the box that a random cut separates it from,
/// where the cut falls into that gap, in expectation over the cuts and as a mean over the trees. A copy of the point
/// is left out of the boxes. Zeros where there is no point to ask about, and before the forest is ready.
void expected_gaps(const RandomCutForest& forest, const Rows& rows, const DirectionalSpans& gaps);

}  // namespace fastrcf
