// SPDX-License-Identifier: Apache-2.0
// Random numbers: xoshiro256++ (Blackman & Vigna 2021) seeded by SplitMix64, 32 bytes of state.
// Every tree owns one generator, so its draws depend on its own history and on nothing else.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include "fastrcf/portable_math.hpp"
#include "fastrcf/types.hpp"

namespace fastrcf {

inline constexpr std::uint64_t kSplitmixStep = 0x9E3779B97F4A7C15ULL;

/// One step of SplitMix64: advances the state and returns 64 mixed bits.
FASTRCF_INLINE std::uint64_t splitmix64(std::uint64_t& state) noexcept {
    std::uint64_t z = (state += kSplitmixStep);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
}

class Rng {
public:
    using State = std::array<std::uint64_t, 4>;

    Rng() = default;
    explicit Rng(const State& state) noexcept : state_(state) {}

    /// The generator of stream `stream` under `seed`; different pairs give unrelated sequences.
    Rng(std::uint64_t seed, std::uint64_t stream) noexcept {
        std::uint64_t mixed = seed;
        std::uint64_t start = splitmix64(mixed) ^ (stream * 0xD1342543DE82EF95ULL);
        for (auto& word : state_) {
            word = splitmix64(start);
        }
    }

    FASTRCF_INLINE std::uint64_t bits() noexcept {
        const std::uint64_t result = std::rotl(state_[0] + state_[3], 23) + state_[0];
        const std::uint64_t shifted = state_[1] << 17;
        state_[2] ^= state_[0];
        state_[3] ^= state_[1];
        state_[1] ^= state_[2];
        state_[0] ^= state_[3];
        state_[2] ^= shifted;
        state_[3] = std::rotl(state_[3], 45);
        return result;
    }

    /// Uniform on [0, 1), a multiple of 2^-53.
    FASTRCF_INLINE double uniform() noexcept { return uniform_of(bits()); }
    static FASTRCF_INLINE double uniform_of(std::uint64_t bits) noexcept {
        return static_cast<double>(bits >> 11) * 0x1.0p-53;
    }

    /// Uniform on (0, 1], so that its logarithm is finite.
    FASTRCF_INLINE double uniform_positive() noexcept { return uniform_positive_of(bits()); }
    static FASTRCF_INLINE double uniform_positive_of(std::uint64_t bits) noexcept {
        return static_cast<double>((bits >> 11) + 1) * 0x1.0p-53;
    }

    /// Exponential with mean 1; a smallest value of 2^-54 keeps its logarithm finite.
    double exponential() noexcept { return exponential_of(bits()); }
    static FASTRCF_INLINE double exponential_of(std::uint64_t bits) noexcept {
        const double value = -portable::log(uniform_positive_of(bits));
        return value > 0.0 ? value : 0x1.0p-54;
    }

    /// Uniform integer on [0, bound), bound > 0, without bias (Lemire 2019 needs 128 bits; this rejects).
    std::uint64_t below(std::uint64_t bound) noexcept {
        const std::uint64_t reject = (0 - bound) % bound;
        std::uint64_t drawn = bits();
        while (drawn < reject) {
            drawn = bits();
        }
        return drawn % bound;
    }

    [[nodiscard]] const State& state() const noexcept { return state_; }

private:
    State state_{};
};

}  // namespace fastrcf
