// SPDX-License-Identifier: Apache-2.0
// Little-endian writing and careful reading of bytes, with a checksum.
#pragma once

#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

namespace fastrcf {

/// CRC-32 (IEEE 802.3, as in zlib), four bytes a step.
inline std::uint32_t crc32(std::span<const std::byte> bytes) noexcept {
    using Tables = std::array<std::array<std::uint32_t, 256>, 4>;
    static const Tables tables = [] {
        Tables t{};
        for (std::uint32_t i = 0; i < 256; ++i) {
            std::uint32_t value = i;
            for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1U) != 0 ? 0xEDB88320U : 0U);
            t[0][i] = value;
        }
        for (std::uint32_t i = 0; i < 256; ++i) {
            for (std::size_t k = 1; k < 4; ++k) t[k][i] = (t[k - 1][i] >> 8) ^ t[0][t[k - 1][i] & 0xFFU];
        }
        return t;
    }();
    std::uint32_t crc = 0xFFFFFFFFU;
    const auto byte = [&bytes](std::size_t i) { return static_cast<std::uint32_t>(bytes[i]); };
    std::size_t i = 0;
    for (; i + 4 <= bytes.size(); i += 4) {
        crc ^= byte(i) | byte(i + 1) << 8 | byte(i + 2) << 16 | byte(i + 3) << 24;
        crc = tables[3][crc & 0xFFU] ^ tables[2][crc >> 8 & 0xFFU] ^ tables[1][crc >> 16 & 0xFFU] ^ tables[0][crc >> 24];
    }
    for (; i < bytes.size(); ++i) crc = (crc >> 8) ^ tables[0][(crc ^ byte(i)) & 0xFFU];
    return ~crc;
}

template <class T>
concept Scalar = std::is_arithmetic_v<T>;

class ByteWriter {
public:
    template <Scalar T>
    void put(T value) {
        std::array<std::byte, sizeof(T)> raw;
        std::memcpy(raw.data(), &value, sizeof(T));
        if constexpr (std::endian::native == std::endian::big) {
            for (std::size_t i = 0; i < sizeof(T) / 2; ++i) std::swap(raw[i], raw[sizeof(T) - 1 - i]);
        }
        bytes_.insert(bytes_.end(), raw.begin(), raw.end());
    }
    /// Writes an unsigned number below `bound` with as many bytes as the bound needs.
    void put_below(std::uint64_t value, std::uint64_t bound) {
        if (bound <= 0x100) put(static_cast<std::uint8_t>(value));
        else if (bound <= 0x10000) put(static_cast<std::uint16_t>(value));
        else put(static_cast<std::uint32_t>(value));
    }
    [[nodiscard]] std::vector<std::byte>& bytes() noexcept { return bytes_; }

private:
    std::vector<std::byte> bytes_;
};

/// Every read checks that the bytes are there.
class ByteReader {
public:
    explicit ByteReader(std::span<const std::byte> bytes) : bytes_(bytes) {}

    template <Scalar T>
    T get() {
        if (bytes_.size() < sizeof(T)) throw std::invalid_argument("forest bytes: they end too early");
        std::array<std::byte, sizeof(T)> raw;
        std::memcpy(raw.data(), bytes_.data(), sizeof(T));
        if constexpr (std::endian::native == std::endian::big) {
            for (std::size_t i = 0; i < sizeof(T) / 2; ++i) std::swap(raw[i], raw[sizeof(T) - 1 - i]);
        }
        bytes_ = bytes_.subspan(sizeof(T));
        T value;
        std::memcpy(&value, raw.data(), sizeof(T));
        return value;
    }
    std::uint64_t get_below(std::uint64_t bound) {
        const std::uint64_t value = bound <= 0x100     ? get<std::uint8_t>()
                                    : bound <= 0x10000 ? get<std::uint16_t>()
                                                       : get<std::uint32_t>();
        require(value < bound, "a number is out of range");
        return value;
    }
    /// The next bytes as they are.
    std::span<const std::byte> take(std::uint64_t n) {
        require(n <= bytes_.size(), "they end too early");
        const auto taken = bytes_.first(static_cast<std::size_t>(n));
        bytes_ = bytes_.subspan(static_cast<std::size_t>(n));
        return taken;
    }
    void require(bool condition, const char* what) const {
        if (!condition) throw std::invalid_argument(std::string("forest bytes: ") + what);
    }
    [[nodiscard]] std::size_t left() const noexcept { return bytes_.size(); }

private:
    std::span<const std::byte> bytes_;
};

}  // namespace fastrcf
