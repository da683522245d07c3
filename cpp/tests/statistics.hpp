// SPDX-License-Identifier: Apache-2.0
// Tests of laws: how likely are counts like these if the law holds? Seeds are fixed, so an answer never
// changes.
#pragma once

#include <cmath>
#include <cstddef>
#include <numeric>
#include <span>
#include <vector>

namespace fastrcf::testing {

/// A law is taken to be broken when what was seen is less likely than this.
inline constexpr double kUnlikely = 1e-6;

/// P(X >= x) for a chi-squared variable X: the upper incomplete gamma function Q(degrees / 2, x / 2), by its
/// series below the mean and by its continued fraction (Lentz 1976) above.
inline double chi_squared_tail(double x, double degrees) {
    const double a = degrees / 2.0;
    const double half = x / 2.0;
    if (half <= 0.0) return 1.0;
    const double scale = std::exp(a * std::log(half) - half - std::lgamma(a));
    if (half < a + 1.0) {
        double term = 1.0 / a;
        double sum = term;
        for (double k = a + 1.0; term > sum * 1e-15; ++k) {
            term *= half / k;
            sum += term;
        }
        return 1.0 - scale * sum;
    }
    double b = half + 1.0 - a;
    double c = 1e300;
    double d = 1.0 / b;
    double fraction = d;
    for (double k = 1.0; k < 10000.0; ++k) {
        const double numerator = -k * (k - a);
        b += 2.0;
        d = 1.0 / (numerator * d + b);
        c = b + numerator / c;
        fraction *= d * c;
        if (std::abs(d * c - 1.0) < 1e-14) break;
    }
    return scale * fraction;
}

/// Two-sided tail of the normal law.
inline double normal_tail(double z) { return std::erfc(std::abs(z) / std::sqrt(2.0)); }

/// Chance of `hits` out of `n` straying this far from `share`, by the normal law.
inline double share_p(double hits, double n, double share) {
    return normal_tail((hits - n * share) / std::sqrt(n * share * (1.0 - share)));
}

/// Chi-squared test of counts against shares that sum to 1. Neighbouring bins are pooled until 8 are
/// expected.
inline double fit_p(std::span<const double> counts, std::span<const double> shares) {
    double n = 0.0;
    for (const double count : counts) n += count;
    double statistic = 0.0;
    double seen = 0.0;
    double expected = 0.0;
    double last_seen = 0.0;
    double last_expected = 0.0;
    int bins = 0;
    for (std::size_t i = 0; i < counts.size(); ++i) {
        seen += counts[i];
        expected += shares[i] * n;
        if (expected < 8.0) continue;
        statistic += (seen - expected) * (seen - expected) / expected;
        last_seen = seen;
        last_expected = expected;
        seen = expected = 0.0;
        ++bins;
    }
    if (bins > 0 && expected + seen > 0.0) {  // what is left joins the last bin
        statistic -= (last_seen - last_expected) * (last_seen - last_expected) / last_expected;
        last_seen += seen;
        last_expected += expected;
        statistic += (last_seen - last_expected) * (last_seen - last_expected) / last_expected;
    }
    return bins < 2 ? 0.0 : chi_squared_tail(statistic, bins - 1);
}

inline double uniform_p(std::span<const double> counts) {
    const std::vector<double> shares(counts.size(), 1.0 / static_cast<double>(counts.size()));
    return fit_p(counts, shares);
}

/// Chi-squared test that two lists of counts come from one law. Bins with fewer than 16 are pooled.
inline double same_law_p(std::span<const double> a, std::span<const double> b) {
    double n_a = 0.0;
    double n_b = 0.0;
    for (const double count : a) n_a += count;
    for (const double count : b) n_b += count;
    double statistic = 0.0;
    double in_a = 0.0;
    double in_b = 0.0;
    int bins = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        in_a += a[i];
        in_b += b[i];
        if (in_a + in_b < 16.0 && i + 1 < a.size()) continue;
        if (in_a + in_b == 0.0) continue;
        const double difference = in_a * std::sqrt(n_b / n_a) - in_b * std::sqrt(n_a / n_b);
        statistic += difference * difference / (in_a + in_b);
        in_a = in_b = 0.0;
        ++bins;
    }
    return bins < 2 ? 0.0 : chi_squared_tail(statistic, bins - 1);
}

/// Counts of how often each number below its size came.
class Histogram {
public:
    explicit Histogram(std::size_t bins) : counts_(bins, 0.0) {}
    /// Numbers past the end count as the last one.
    void add(std::size_t bin) { ++counts_[bin < counts_.size() ? bin : counts_.size() - 1]; }
    /// `value` in [0, 1).
    void add_share(double value) {
        add(static_cast<std::size_t>(value * static_cast<double>(counts_.size())));
    }
    [[nodiscard]] std::span<const double> counts() const { return counts_; }
    [[nodiscard]] double total() const { return std::accumulate(counts_.begin(), counts_.end(), 0.0); }

private:
    std::vector<double> counts_;
};

}  // namespace fastrcf::testing
