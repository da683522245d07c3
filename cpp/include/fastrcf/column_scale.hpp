// SPDX-License-Identifier: Apache-2.0
// Centre and scale of one column, running: robust, forgetting, and sound far from zero.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace fastrcf {

/// Distances are summed, never squares, and all are taken from the running centre: nothing cancels. What lies far
/// out counts only up to a few scales, so that outliers leave the scale alone.
class ColumnScale {
public:
    /// Values before the first statistics, which are those of a small batch.
    static constexpr std::size_t kStart = 10;

    /// A normalised value lies within this many scales.
    static constexpr double kLargest = 1000.0;

    /// Statistics of a whole column. `values` are put into another order; there is at least one.
    static ColumnScale of(std::vector<double>& values, double noise_floor);

    [[nodiscard]] bool started() const noexcept { return n_ >= kStart; }

    /// Takes one more value; the weight of older ones fades by `rate`, from `1 / n` on.
    void add(double value, double rate, double noise_floor);

    /// Distance of a value from the centre in scales. `noise`, of standard deviation 1, is added as far as the
    /// column itself has less of it than the floor: to a forest, the least change of a constant is an outlier.
    [[nodiscard]] double normalize(double value, double noise, double noise_floor) const noexcept;

    /// Inverse of normalize() without noise.
    [[nodiscard]] double restore(double normalized, double noise_floor) const noexcept;

    /// Whether what was read can have come about.
    [[nodiscard]] bool is_sound() const noexcept;

    template <class Archive>
    void visit(Archive&& archive) {
        archive(n_);
        if (started()) {
            archive(centre_);
            archive(spread_);
            archive(reach_);
        } else {
            for (std::size_t i = 0; i < n_; ++i) archive(start_[i]);
        }
    }

private:
    /// A share of the plain mean distance keeps the scale of columns up that are seldom off their usual value.
    [[nodiscard]] double own_scale() const noexcept;
    [[nodiscard]] double floor(double noise_floor) const noexcept;
    [[nodiscard]] double scale(double noise_floor) const noexcept;

    std::uint64_t n_ = 0;
    double centre_ = 0.0;
    double spread_ = 0.0;  ///< mean distance from the centre, each up to kOrdinary scales
    double reach_ = 0.0;   ///< the same, each up to kFar scales
    std::array<double, kStart> start_{};
};

}  // namespace fastrcf
