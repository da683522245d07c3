// SPDX-License-Identifier: Apache-2.0
// From sums over the trees to answers.
#include "forest_output.hpp"

#include "fastrcf/random_cut_forest.hpp"
#include "forest_call.hpp"

namespace fastrcf {

Output RandomCutForest::output_of(const Rows& rows, std::span<double> scores) const {
    rows.check(options_.n_columns);
    check_argument(scores.size() == rows.n_rows, "scores: one place per row is needed");
    return {scores.data()};
}

Output RandomCutForest::output_of(const Rows& rows, const AttributionSpans& into) const {
    const Output scores = output_of(rows, into.scores);
    const std::size_t n = rows.n_rows * geometry_.dimensions;
    check_argument(into.high.size() == n && into.low.size() == n,
                   "high, low: one place per coordinate of a row's point is needed");
    return {scores.scores, into.high.data(), into.low.data(), geometry_.dimensions};
}

void RandomCutForest::write_scores(const Call& call, std::size_t n_parts, std::size_t n,
                                   const Output& output) const noexcept {
    const double trees = static_cast<double>(trees_.size());
    for (std::size_t i = 0; i < n; ++i) {
        std::int64_t sum = 0;
        for (std::size_t part = 0; part < n_parts; ++part) sum += call.workers[part].scores[i];
        output.scores[i] = static_cast<double>(sum) / static_cast<double>(kScoreScale) / trees;
        if (output.high != nullptr) write_attribution(call, n_parts, i, output.from_row(i));
    }
}

// The cells add up to the score but for rounding; they are made to add up to it.
void RandomCutForest::write_attribution(const Call& call, std::size_t n_parts, std::size_t point,
                                        const Output& output) const noexcept {
    const std::size_t first = point * geometry_.box_stride();
    const auto cell = [&](std::size_t lane) {
        std::int64_t sum = 0;
        for (std::size_t part = 0; part < n_parts; ++part) sum += call.workers[part].cells[first + lane];
        return sum;
    };
    std::int64_t total = 0;
    for (std::uint32_t i = 0; i < geometry_.dimensions; ++i) {
        const std::int64_t low = cell(geometry_.lane(i));
        const std::int64_t high = cell(geometry_.lane(i) + geometry_.side_step());
        total += low + high;
        output.low[i] = static_cast<double>(low);
        output.high[i] = static_cast<double>(high);
    }
    const double unit = total > 0 ? *output.scores / static_cast<double>(total) : 0.0;
    const double even = total > 0 ? 0.0 : *output.scores / (2.0 * geometry_.dimensions);  // all rounded to nothing
    for (std::uint32_t i = 0; i < geometry_.dimensions; ++i) {
        output.low[i] = output.low[i] * unit + even;
        output.high[i] = output.high[i] * unit + even;
    }
}

void RandomCutForest::prepare(Call& call, const PointRun& run, const Output& output) const {
    call.prepare(n_jobs_, output.scores != nullptr ? run.n : 0, output.high != nullptr ? geometry_.box_stride() : 0,
                 options_);
}

}  // namespace fastrcf
